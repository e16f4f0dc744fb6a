"""Tasks in the hands of a worker: the parent's decisions, and the parent at work with a scripted child."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.protocol import ChildDeath, ExchangeAnswer
from service.worker.child_messages import ChildSaid
from service.worker.state import WorkerState
from service.worker.tasks_in_hand import TASK_SECONDS
from tests.service.scripted_service import ScriptedService
from tests.service.worker_talk import NOW, REF, answer, holding, report, sent, verdict
from tests.service.workers import assignment, environment, reported, running_worker
from trainer.config import CheckpointRef, Limits, ProblemConfig
from trainer.facts import ProblemFacts
from trainer.report import Verdict
from trainer.task import Export, Exported, Predict, Prediction, Task, TaskResult

WINE = ProblemConfig(dataset="wine")
TASK = Task(id=9, body=Export(problem=WINE, weights=REF))
RESULT = TaskResult(task=9, value=Exported(file=REF))
SPIRALS = ProblemFacts(name="spirals", kind="plugin", task="classification", description="", digest="d" * 64)


def told(state: WorkerState, *tasks: Task) -> None:
    """The service answers with these tasks."""
    state.accept(ExchangeAnswer(number=sent(state).number, tasks=tasks))


def stored_file(content: bytes) -> CheckpointRef:
    return CheckpointRef(sha256=hashlib.sha256(content).hexdigest(), epoch=1, num_bytes=len(content))


def predict(task: int, *, weights: CheckpointRef = REF, problem: ProblemConfig = WINE, cell: str = "x") -> Task:
    return Task(id=task, body=Predict(problem=problem, weights=weights, rows=[[cell]]))


def test_a_task_goes_to_the_child_at_once_and_its_result_is_urgent() -> None:
    state = holding(assignment(1, "a"), assignment(2, "a"))
    told(state, TASK)
    assert state.tasks.to_give(now=NOW) == (TASK,)
    assert state.tasks.to_give(now=NOW) == ()
    assert state.next_exchange(now=NOW, heartbeat_due=False) is None
    state.hear(ChildSaid(task_results=(RESULT,)), now=NOW)
    urgent = state.next_exchange(now=NOW, heartbeat_due=False)
    assert urgent is not None
    assert urgent.task_results == (RESULT,)
    state.accept(answer(urgent))
    assert sent(state).task_results == ()


def test_a_task_waits_for_its_files() -> None:
    state = holding(assignment(1, "a"))
    told(state, TASK)
    state.await_files(TASK, lacks=True)
    assert state.tasks.to_give(now=NOW) == ()
    state.await_files(TASK, lacks=False)
    assert state.tasks.to_give(now=NOW) == (TASK,)


@pytest.mark.parametrize("said_before", [True, False])
def test_a_dead_childs_tasks_have_failed_unless_they_were_done(said_before: bool) -> None:
    state = holding(assignment(1, "a"))
    told(state, TASK, predict(10))
    state.await_files(predict(10), lacks=True)
    state.tasks.to_give(now=NOW)
    if said_before:  # and its file is on its way
        state.hear_leaving(ChildSaid(task_results=(RESULT,)), now=NOW)
    state.lose_child(ChildDeath(attempts=(), how="signal", signal=9), now=NOW)
    exchange = sent(state)
    assert [(one.task, one.value) for one in exchange.task_results] == ([] if said_before else [(9, None)])
    assert [death.num_tasks for death in exchange.deaths] == [0 if said_before else 1]
    state.await_files(predict(10), lacks=False)
    assert [task.id for task in state.tasks.to_give(now=NOW)] == [10]


def test_a_child_that_is_to_be_replaced_does_its_tasks_first() -> None:
    limited = assignment(2, "b", limits=Limits(memory_mb=100))
    state = holding(assignment(1, "a", epochs=1), limited)
    told(state, TASK)
    state.tasks.to_give(now=NOW)
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    state.accept(answer(sent(state), answers=(verdict(Verdict.STOP, epoch=1),)))
    assert not state.needs_other_child()
    state.hear(ChildSaid(task_results=(RESULT,)), now=NOW)
    assert state.needs_other_child()


def test_the_time_of_a_task_is_no_training_time() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(5),)), now=NOW)
    told(state, TASK)
    state.tasks.to_give(now=NOW + 1)
    during = sent(state, now=NOW + 8)
    assert [held.seconds for held in during.in_hand] == [6.0]
    state.accept(answer(during))
    state.hear(ChildSaid(task_results=(RESULT,)), now=NOW + 9)
    assert [held.seconds for held in sent(state, now=NOW + 10).in_hand] == [7.0]


def test_a_child_may_be_silent_over_a_task_but_not_for_ever() -> None:
    state = holding(assignment(1, "a", limits=Limits(hang_seconds=5, memory_mb=100)))
    assert state.limits() == Limits(hang_seconds=5, memory_mb=100)
    told(state, TASK)
    state.tasks.to_give(now=NOW)
    assert state.limits() == Limits(hang_seconds=TASK_SECONDS, memory_mb=100)
    state.hear(ChildSaid(task_results=(RESULT,)), now=NOW)
    assert state.limits() == Limits(hang_seconds=5, memory_mb=100)
    idle = WorkerState(slots=1)
    told(idle, TASK)
    assert idle.limits() is None
    idle.tasks.to_give(now=NOW)
    assert idle.limits() == Limits(hang_seconds=TASK_SECONDS)


def test_a_leaving_worker_takes_no_task() -> None:
    state = holding(assignment(1, "a"))
    travelling = sent(state)
    state.drain()
    state.accept(ExchangeAnswer(number=travelling.number, tasks=(TASK,)))
    assert state.tasks.to_give(now=NOW) == ()


def test_plugins_are_announced_once_and_again_when_they_changed() -> None:
    state = WorkerState(slots=1)
    state.hear(ChildSaid(problems=()), now=NOW)
    first = sent(state)
    assert first.problems is None
    state.accept(answer(first))
    state.hear(ChildSaid(problems=(SPIRALS,)), now=NOW)
    second = state.next_exchange(now=NOW, heartbeat_due=False)
    assert second is not None
    assert second.problems == (SPIRALS,)
    state.accept(answer(second))
    state.hear(ChildSaid(problems=(SPIRALS,)), now=NOW)
    third = sent(state)
    assert third.problems is None
    state.accept(answer(third))
    state.hear(ChildSaid(problems=()), now=NOW)
    assert sent(state).problems == ()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[ScriptedService]:
    """A service whose folder the worker does not see."""
    scripted = ScriptedService(tmp_path / "elsewhere", shared=False)
    yield scripted
    scripted.close()


def test_files_of_tasks_and_data_are_fetched_first_and_put_before_the_result(
    apart: ScriptedService, tmp_path: Path
) -> None:
    data, weights = stored_file(b"the data"), stored_file(b"the weights")
    apart.files = {data.sha256: b"the data", weights.sha256: b"the weights"}
    mine = ProblemConfig(dataset="mine", digest=data.sha256)
    trained = assignment(1, "quick").model_copy(update={"problem": mine})
    apart.ask(predict(1, weights=weights, problem=mine), Task(id=2, body=Export(problem=mine, weights=weights)))
    apart.hand_out(trained)
    with running_worker(environment(apart.url, home=tmp_path)):
        apart.until(lambda it: len(it.told("task_results")) == 2)
        apart.until(reported(1, num_epochs=3))
    by_task = {result.task: result.value for result in apart.told("task_results")}
    assert by_task[1] == Prediction(predictions=["the data", "the weights"])
    assert apart.files[by_task[2].file.sha256] == b"state of 2"
    put_at = next(int(one.split()[1]) for one in apart.requests if one.startswith("PUT"))
    assert not any(result.task == 2 for exchange in apart.exchanges[:put_at] for result in exchange.task_results)
    assert apart.told("deaths") == []


def test_a_task_that_kills_the_child_is_told_and_the_next_child_works_on(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables):
        service.until(reported(1))
        service.ask(predict(1, cell="die"))
        service.until(lambda it: it.told("deaths"))
        service.hand_out(assignment(2, "quick"))
        service.until(reported(2, num_epochs=3))
    (result,) = service.told("task_results")
    assert (result.task, result.value, result.fault) == (1, None, False)
    (death,) = service.told("deaths")
    assert (death.attempts, death.num_tasks) == ((1,), 1)
