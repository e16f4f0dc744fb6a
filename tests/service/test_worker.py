"""The worker parent as a process, against a scripted service and with a scripted child."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from service.protocol import ChildDeath, Hello
from service.worker_loop import WorkerLoop, WorkerPlan
from service.worker_session import Address
from tests.service.scripted_service import JOIN_TOKEN, ScriptedService
from tests.service.workers import EXIT_SECONDS, SCRIPTED_CHILD, assignment, environment, running_worker
from trainer.config import CheckpointRef, Limits
from trainer.report import Answer, EpochReport, Verdict


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ScriptedService]:
    scripted = ScriptedService(tmp_path / "files", shared=True)
    yield scripted
    scripted.close()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[ScriptedService]:
    """A service whose folder the worker does not see."""
    scripted = ScriptedService(tmp_path / "elsewhere", shared=False)
    yield scripted
    scripted.close()


@pytest.fixture
def variables(service: ScriptedService, tmp_path: Path) -> dict[str, str]:
    return environment(service.url, home=tmp_path)


def epochs_told(service: ScriptedService, attempt: int) -> list[int]:
    return [report.epoch for report in service.told("reports") if report.attempt == attempt]


def reported(attempt: int, *, num_epochs: int = 1) -> Callable[[ScriptedService], bool]:
    return lambda service: len(epochs_told(service, attempt)) >= num_epochs


def child_pid(report: EpochReport) -> int:
    pid = report.metrics["pid"]
    assert pid is not None
    return int(pid)


def only_death(service: ScriptedService) -> ChildDeath:
    (death,) = service.told("deaths")
    assert isinstance(death, ChildDeath)
    return death


def test_trials_flow_through(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(*(assignment(attempt, "quick") for attempt in range(1, 6)))
    with running_worker(variables):
        service.until(lambda it: len(it.told("reports")) == 15)
    assert [epochs_told(service, attempt) for attempt in range(1, 6)] == [[1, 2, 3]] * 5
    assert [exchange.number for exchange in service.exchanges] == list(range(1, len(service.exchanges) + 1))
    assert all(exchange.answered == exchange.number - 1 for exchange in service.exchanges)
    assert (service.exchanges[0].num_free, service.exchanges[0].num_wanted) == (1, 2)
    assert all(len(exchange.in_hand) <= 3 for exchange in service.exchanges)


def test_an_idle_worker_waits_and_starts_at_once(service: ScriptedService, variables: dict[str, str]) -> None:
    with running_worker(variables):
        service.until(lambda it: it.num_waiting == 1)
        assert len(service.exchanges) == 1
        service.hand_out(assignment(1, "quick"))
        service.until(reported(1))
        service.until(lambda it: it.num_waiting == 1)


def test_what_queues_while_a_request_travels_goes_in_one_list(
    service: ScriptedService, variables: dict[str, str]
) -> None:
    service.delay_seconds = 0.2
    service.hand_out(assignment(1, "burst"))
    with running_worker(variables):
        service.until(lambda it: any(len(exchange.reports) >= 3 for exchange in it.exchanges))
    told = epochs_told(service, 1)
    assert told == list(range(1, len(told) + 1))
    assert service.most_at_once == 1
    late = [report for exchange in service.exchanges for report in exchange.reports[:1] if len(exchange.reports) > 2]
    assert all(report.age_seconds > 0 for report in late)


def test_an_unanswered_request_is_sent_again_unchanged(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "quick"), assignment(2, "quick"))
    service.faults.extend(["503", "drop", "503", "503", "drop"])
    with running_worker(variables):
        service.until(reported(2, num_epochs=3))
        service.until(lambda it: not it.faults)
    assert epochs_told(service, 1) == epochs_told(service, 2) == [1, 2, 3]
    assert len(service.bodies) == len(set(service.bodies)) + 5
    assert [exchange.number for exchange in service.exchanges] == list(range(1, len(service.exchanges) + 1))


def test_attempts_in_hand_are_kept_by_heartbeats(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(variables):
        service.until(lambda it: sum(len(exchange.in_hand) == 2 for exchange in it.exchanges) >= 4)
    training, ahead = service.exchanges[-1].in_hand
    assert (training.attempt, training.started, ahead.attempt, ahead.started) == (1, True, 2, False)
    assert training.seconds > 1.0
    assert ahead.seconds == 0
    assert service.exchanges[-1].num_wanted == 0


def test_a_child_that_dies_is_named_with_what_it_trained(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "exit"), assignment(2, "quick"))
    with running_worker(variables):
        service.until(reported(2, num_epochs=3))
    death = only_death(service)
    assert (death.attempts, death.how, death.code, death.signal) == ((1,), "exit", 3, None)


def test_a_child_that_is_killed_is_named_by_signal(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(variables):
        service.until(reported(1))
        os.kill(child_pid(service.told("reports")[0]), signal.SIGKILL)
        service.until(reported(2, num_epochs=3))
    death = only_death(service)
    assert (death.attempts, death.how, death.code, death.signal) == ((1,), "signal", None, 9)
    assert death.seconds >= 1.0


def test_a_silent_child_is_killed(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "silent", limits=Limits(hang_seconds=0.3)), assignment(2, "quick"))
    with running_worker(variables):
        service.until(reported(2, num_epochs=3))
    assert (only_death(service).attempts, only_death(service).how) == ((1,), "hang")


def test_a_child_over_its_memory_is_killed(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "fat", limits=Limits(memory_mb=200)))
    with running_worker(variables):
        service.until(lambda it: it.told("deaths"))
    death = only_death(service)
    assert (death.attempts, death.how) == ((1,), "memory")
    assert death.rss_mb is not None
    assert death.rss_mb > 200


def test_a_sweep_with_a_memory_limit_has_a_child_of_its_own(
    service: ScriptedService, variables: dict[str, str]
) -> None:
    limited = Limits(memory_mb=5000)
    service.hand_out(assignment(1, "quick"), assignment(2, "quick"), assignment(3, "quick", limits=limited))
    service.hand_out(assignment(4, "quick", limits=limited), assignment(5, "quick"))
    with running_worker(variables):
        service.until(reported(5, num_epochs=3))
    pids = {report.attempt: child_pid(report) for report in service.told("reports")}
    assert pids[1] == pids[2]
    assert pids[3] == pids[4]
    assert len({pids[1], pids[3], pids[5]}) == 3
    assert service.told("deaths") == []


def test_a_refused_attempt_is_stopped(service: ScriptedService, variables: dict[str, str]) -> None:
    service.refused.add(1)
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(variables):
        service.until(reported(2, num_epochs=3))
    assert [held.attempt for held in service.exchanges[-1].in_hand] != [1]


def test_a_stop_frees_the_slot(service: ScriptedService, variables: dict[str, str]) -> None:
    service.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.STOP)
    service.hand_out(assignment(1, "burst"), assignment(2, "quick"))
    with running_worker(variables):
        service.until(reported(2, num_epochs=3))
    after = next(i for i, exchange in enumerate(service.exchanges) if exchange.reports) + 1
    assert all(held.attempt != 1 for exchange in service.exchanges[after:] for held in exchange.in_hand)
    assert all(report.attempt != 1 for exchange in service.exchanges[after:] for report in exchange.reports)


def test_a_paused_attempt_leaves_a_checkpoint_and_can_come_back(
    service: ScriptedService, variables: dict[str, str]
) -> None:
    service.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.PAUSE)
    service.hand_out(assignment(1, "endless"))
    with running_worker(variables):
        service.until(lambda it: it.told("endings"))
        (ending,) = service.told("endings")
        assert (ending.attempt, ending.state, ending.checkpoint.epoch) == (1, "PAUSED", 1)
        service.hand_out(assignment(1, "quick", checkpoint=ending.checkpoint))
        service.until(reported(1, num_epochs=4))


def test_an_unknown_session_ends_the_worker(service: ScriptedService, variables: dict[str, str]) -> None:
    service.faults.append("401")
    with running_worker(variables) as worker:
        assert worker.wait(EXIT_SECONDS) == 4


def test_a_wrong_join_token_ends_the_worker(service: ScriptedService, tmp_path: Path) -> None:
    with running_worker(environment(service.url, home=tmp_path, join_token="wrong")) as worker:
        assert worker.wait(EXIT_SECONDS) == 4
    assert service.hellos == []


def test_a_missing_join_token_is_a_wrong_configuration(variables: dict[str, str]) -> None:
    with running_worker({**variables, "RAVINE_JOIN_TOKEN_FILE": "/nowhere"}) as worker:
        assert worker.wait(EXIT_SECONDS) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_it_write_checkpoints_and_leave(
    service: ScriptedService, variables: dict[str, str], number: signal.Signals
) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(variables) as worker:
        service.until(reported(1))
        worker.send_signal(number)
        assert worker.wait(EXIT_SECONDS) == 0
    last = service.exchanges[-1]
    assert (last.leaving, last.in_hand, last.num_wanted) == (True, (), 0)
    assert [note.attempt for note in service.told("checkpoints")] == [1]
    assert service.told("deaths") == []


def test_the_service_may_ask_it_to_leave(service: ScriptedService, variables: dict[str, str]) -> None:
    service.leave = True
    with running_worker(variables) as worker:
        assert worker.wait(EXIT_SECONDS) == 0
    assert service.exchanges[-1].leaving


def test_it_leaves_when_its_lifeline_closes(service: ScriptedService, variables: dict[str, str]) -> None:
    read_end, write_end = os.pipe()
    service.hand_out(assignment(1, "endless"))
    with running_worker(variables, lifeline=read_end) as worker:
        os.close(read_end)
        service.until(reported(1))
        os.close(write_end)
        assert worker.wait(5) == 0
    assert [note.attempt for note in service.told("checkpoints")] == [1]


def test_it_leaves_in_time_without_a_service(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(variables) as worker:
        service.until(reported(1))
        service.close()
        worker.terminate()
        assert worker.wait(5) == 0


def test_a_child_ends_with_its_parent(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(variables) as worker:
        service.until(reported(1))
        child = psutil.Process(child_pid(service.told("reports")[0]))
        worker.kill()
        gone, alive = psutil.wait_procs([child], timeout=EXIT_SECONDS)
    assert (gone, alive) == ([child], [])


def test_a_child_has_no_token_in_its_environment(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(variables):
        service.until(reported(1))
        seen = psutil.Process(child_pid(service.told("reports")[0])).environ()
    assert not [name for name in seen if name.startswith("RAVINE_")]
    assert seen["OMP_NUM_THREADS"] == seen["MKL_NUM_THREADS"] == "1"


def test_files_go_through_the_api_before_they_are_named(apart: ScriptedService, tmp_path: Path) -> None:
    apart.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.PAUSE)
    apart.verdicts[2, 3] = Answer(attempt=2, epoch=3, verdict=Verdict.STOP, keep=True)
    apart.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(environment(apart.url, home=tmp_path)):
        apart.until(lambda it: it.told("endings") and it.told("weights"))
        named = [apart.told("endings")[0].checkpoint.sha256, apart.told("weights")[0].weights.sha256]
    assert [apart.files[sha256] for sha256 in named] == [b"state of 1", b"state of 2"]
    put_at = int(apart.requests[1].removeprefix("PUT "))
    assert [request.split()[0] for request in apart.requests] == ["HEAD", "PUT", "HEAD", "PUT"]
    assert not any(exchange.endings for exchange in apart.exchanges[:put_at])
    assert list(apart.files_folder.iterdir()) == []


def test_a_checkpoint_is_fetched_before_the_child_gets_the_attempt(apart: ScriptedService, tmp_path: Path) -> None:
    content = b"weights" * 1000
    ref = CheckpointRef(sha256=hashlib.sha256(content).hexdigest(), epoch=1, num_bytes=len(content))
    apart.files[ref.sha256] = content
    apart.hand_out(assignment(1, "quick", checkpoint=ref))
    with running_worker(environment(apart.url, home=tmp_path)) as worker:
        apart.until(reported(1, num_epochs=3))
        worker.terminate()
        assert worker.wait(EXIT_SECONDS) == 0
    assert apart.told("deaths") == []
    assert list((tmp_path / "worker-files").iterdir()) == []


def test_it_gives_up_when_there_is_no_service_for_long(tmp_path: Path) -> None:
    address = Address(url="http://127.0.0.1:9", worker="w-1", join_token=JOIN_TOKEN, patience_seconds=0.3)
    hello = Hello(worker="w-1", executor="external", host="here", pid=1, slots=1, device="cpu", version="1")
    plan = WorkerPlan(
        address=address,
        hello=hello,
        child_command=SCRIPTED_CHILD,
        child_environment={},
        num_threads=1,
        own_folder=tmp_path / "own",
    )
    assert WorkerLoop(plan).run() == 3


def test_the_parent_stays_small() -> None:
    heavy = "{'torch', 'optuna', 'mlflow', 'fastapi', 'sqlalchemy', 'numpy'}"
    code = f"import sys, service.worker; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
