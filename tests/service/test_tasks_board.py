"""Who gets which task, and what becomes of it: the board alone."""

from dataclasses import replace

from service.coordination.tasks import (
    FOR_THE_IDLE_SECONDS,
    MAX_LOST,
    MAX_TRIES,
    PROBE_SECONDS,
    PROBE_TRIES,
    TaskBoard,
)
from service.records import Worker
from trainer.config import CheckpointRef, MetricConfig, ProblemConfig
from trainer.settings import Settings
from trainer.task import Export, Exported, Predict, Prediction, Probe, Task, TaskResult

REF = CheckpointRef(sha256="a" * 64, epoch=1, num_bytes=1)
PLUGIN = ProblemConfig(plugin="mine", digest="b" * 64)
BODY = Predict(problem=ProblemConfig(dataset="wine"), weights=REF, rows=[[1.0]])
EXPORT = Export(problem=ProblemConfig(dataset="wine"), weights=REF)
PROBE = Probe(problem=BODY.problem, settings=Settings(), metric=MetricConfig(), seed=1, most_rows=8)
SAID = Prediction(predictions=["a"])


def worker(name: str, *, problems: tuple[str, ...] = ()) -> Worker:
    plain = dict.fromkeys(("executor", "host", "device", "version", "token_hash", "state"), "")
    numbers = dict.fromkeys(("pid", "slots", "lease_until", "request_number", "created_at"), 1)
    # mypy does not see which names the two dicts hold.
    return Worker(id=name, answer=None, failed_row=(), problems=problems, ended_at=None, **plain, **numbers)  # type: ignore[arg-type]


A, B = worker("a"), worker("b")


def hand(
    board: TaskBoard, to: Worker, *, workers: tuple[Worker, ...] = (A, B), busy: str = "", now: float = 0.0
) -> tuple[Task, ...]:
    """What this worker gets; `busy` names the workers that have something to train."""
    return board.hand(to, workers=workers, busy=set(busy), now=now)


def test_a_task_is_handed_once_and_its_asker_hears_of_it_after_the_step() -> None:
    board = TaskBoard(next_id=7)
    ticket = board.add(BODY, now=0.0, seconds=5)
    assert hand(board, A) == (Task(id=7, body=BODY),)
    assert hand(board, B) == ()
    assert not ticket.reply.is_taken
    board = board.told()
    assert ticket.reply.is_taken
    board.end([TaskResult(task=7, value=SAID)], worker_id="a")
    assert ticket.reply.result is None
    board.told()
    assert ticket.reply.result == TaskResult(task=7, value=SAID)
    assert ticket.reply.bell.count != ticket.reply.begun


def test_a_step_that_failed_has_never_been() -> None:
    board = TaskBoard()
    board.add(BODY, now=0.0)
    failed = board.begun()
    failed.add(BODY, now=0.0)
    assert len(hand(failed, A)) == 1
    again = board.begun()
    assert hand(again, B)[0].id == 1
    assert hand(again, A) == ()


def test_no_worker_has_two() -> None:
    board = TaskBoard()
    board.add(BODY, now=0.0)
    board.add(BODY, now=0.0)
    assert [len(hand(board, one)) for one in (A, A, B)] == [1, 0, 1]
    board.end([TaskResult(task=1, value=SAID)], worker_id="a")
    board.add(BODY, now=0.0)
    assert hand(board, A)[0].id == 3


def test_a_busy_worker_leaves_it_to_an_idle_one_for_a_moment() -> None:
    board = TaskBoard()
    board.add(BODY, now=10.0)
    assert hand(board, A, busy="a", now=10.0) == ()
    assert hand(board.begun(), B, busy="a", now=10.0)
    assert hand(board.begun(), A, busy="ab", now=10.0)
    assert hand(board.begun(), A, workers=(A,), busy="a", now=10.0)
    assert hand(board, A, busy="a", now=10.0 + FOR_THE_IDLE_SECONDS)


def test_a_plugins_task_is_for_those_that_have_it() -> None:
    able = worker("b", problems=("b" * 64,))
    board = TaskBoard()
    board.add(BODY.model_copy(update={"problem": PLUGIN}), now=0.0)
    assert hand(board, A, workers=(A, able)) == ()
    assert hand(board, able, workers=(A, able), busy="b")  # the idle one cannot do it


def test_a_worker_that_may_be_handed_nothing_gets_no_task() -> None:
    board = TaskBoard()
    board.add(BODY, now=0.0)
    assert hand(board, A, workers=(B,)) == ()


def test_a_task_of_a_lost_worker_waits_again() -> None:
    board = TaskBoard()
    board.add(BODY, now=0.0)
    hand(board, A)
    assert board.take_back([A, B], now=1.0) == []
    assert not board.waits
    assert board.take_back([B], now=1.0) == []
    assert board.waits
    assert hand(board, B)[0].id == 1
    assert board.end([TaskResult(task=1, value=SAID)], worker_id="a") == []
    assert len(board.end([TaskResult(task=1, value=SAID)], worker_id="b")) == 1


def test_a_task_with_which_ten_workers_were_lost_is_given_up() -> None:
    board = TaskBoard()
    board.add(EXPORT, now=0.0, of=("s", 3))
    for _ in range(MAX_LOST - 1):
        assert hand(board, A)
        assert board.take_back([B], now=1.0) == []
    assert hand(board, A)
    ((ticket, result),) = board.take_back([B], now=1.0)
    assert (ticket.of, result.error) == (("s", 3), "10 workers were lost while they had it")
    assert not board.waits


def test_what_nobody_waits_for_any_more_is_dropped() -> None:
    board = TaskBoard()
    ticket = board.add(BODY, now=0.0, seconds=5)
    assert hand(board, A, now=5.0) == ()
    board.take_back([A], now=5.0)
    assert hand(board, A, now=0.0) == ()
    board.told()
    assert not ticket.reply.is_taken


def test_an_export_is_tried_three_times_a_prediction_once() -> None:
    board = TaskBoard()
    board.add(EXPORT, now=0.0, of=("s", 3))
    failed = TaskResult(task=1, error="no")
    for _ in range(MAX_TRIES - 1):
        assert hand(board, A)
        assert board.end([failed], worker_id="a") == []
    hand(board, A)
    ((ticket, result),) = board.end([failed], worker_id="a")
    assert (ticket.of, result) == (("s", 3), failed)
    assert hand(board, A) == ()

    board.add(BODY, now=0.0)
    hand(board, A)
    assert len(board.end([TaskResult(task=2, error="no")], worker_id="a")) == 1


def test_whoever_waits_for_an_answer_comes_first() -> None:
    board = TaskBoard()
    board.add(EXPORT, now=0.0, of=("s", 3))
    board.add(BODY, now=1.0)
    assert [task.body.kind for one in (A, B) for task in hand(board, one, now=2.0)] == ["predict", "export"]


def test_an_export_can_be_withdrawn() -> None:
    board = TaskBoard()
    board.add(EXPORT, now=0.0, of=("s", 3))
    board.add(EXPORT, now=0.0, of=("t", 0))
    hand(board, A)
    board.withdraw("s")
    assert board.end([TaskResult(task=1, value=Exported(file=REF))], worker_id="a") == []
    assert hand(board, replace(A, state="other"))[0].id == 2


def test_a_probe_is_tried_twice_however_it_fails() -> None:
    board = TaskBoard()
    board.add(PROBE, now=0.0, of=("s", 0))
    assert hand(board, A)
    assert board.end([TaskResult(task=1, error="boom")], worker_id="a") == []
    assert hand(board, B)
    assert board.take_back([A, B], now=PROBE_SECONDS - 1) == []
    ((ticket, result),) = board.take_back([A], now=1.0)
    assert (ticket.num_errors + ticket.num_lost, result.value) == (PROBE_TRIES, None)
    assert board.tickets() == []


def test_a_probe_that_takes_too_long_is_somebody_elses_and_its_late_result_nobodys() -> None:
    board = TaskBoard()
    board.add(PROBE, now=0.0, of=("s", 0))
    board.add(EXPORT, now=0.0, of=("t", 0))
    assert hand(board, A, now=5.0)
    assert hand(board, B, now=5.0)
    assert board.take_back([A, B], now=5.0 + PROBE_SECONDS) == []
    assert [one.worker for one in board.tickets()] == [None, "b"]  # an export may take its time
    assert board.end([TaskResult(task=1, error="late")], worker_id="a") == []
    assert hand(board, A, now=70.0)
    assert len(board.end([TaskResult(task=1, error="boom")], worker_id="a")) == 1


def test_the_probes_of_a_sweep_are_withdrawn_alone() -> None:
    board = TaskBoard()
    for body, sweep in ((PROBE, "s"), (EXPORT, "s"), (PROBE, "t")):
        board.add(body, now=0.0, of=(sweep, 0))
    board.withdraw("s", only=Probe)
    assert [(one.task.body, one.of) for one in board.tickets()] == [(EXPORT, ("s", 0)), (PROBE, ("t", 0))]
