"""How a worker ends: its exit codes, and what it leaves behind."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from service.protocol import Hello
from service.worker.loop import WorkerLoop
from service.worker.plan import WorkerPlan
from service.worker.session import Address
from tests.service.scripted_service import JOIN_TOKEN, ScriptedService
from tests.service.workers import (
    EXIT_SECONDS,
    SCRIPTED_CHILD,
    assignment,
    child_pid,
    environment,
    epochs_told,
    reported,
    running_worker,
)


def test_an_unknown_session_ends_the_worker(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.faults.append("401")
    with running_worker(worker_variables) as worker:
        assert worker.wait(EXIT_SECONDS) == 4


def test_a_wrong_join_token_ends_the_worker(service: ScriptedService, tmp_path: Path) -> None:
    with running_worker(environment(service.url, home=tmp_path, join_token="wrong")) as worker:
        assert worker.wait(EXIT_SECONDS) == 2
    assert service.hellos == []


def test_a_missing_join_token_is_a_wrong_configuration(worker_variables: dict[str, str]) -> None:
    with running_worker({**worker_variables, "RAVINE_JOIN_TOKEN_FILE": "/nowhere"}) as worker:
        assert worker.wait(EXIT_SECONDS) == 2


@pytest.mark.parametrize("worker_id", ["..", ".", "-a", "a/b"])
def test_an_id_that_names_no_folder_of_its_own_is_a_wrong_configuration(
    worker_variables: dict[str, str], worker_id: str
) -> None:
    with running_worker(worker_variables | {"RAVINE_WORKER_ID": worker_id}) as worker:
        assert worker.wait(EXIT_SECONDS) == 2
    assert Path(worker_variables["RAVINE_JOIN_TOKEN_FILE"]).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_it_write_checkpoints_and_leave(
    service: ScriptedService, worker_variables: dict[str, str], number: signal.Signals
) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(worker_variables) as worker:
        service.until(reported(1))
        worker.send_signal(number)
        assert worker.wait(EXIT_SECONDS) == 0
    last = service.exchanges[-1]
    assert (last.leaving, last.in_hand, last.num_wanted) == (True, (), 0)
    assert [note.attempt for note in service.told("checkpoints")] == [1]
    assert service.told("deaths") == []


def test_the_service_may_ask_it_to_leave(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.leave = True
    with running_worker(worker_variables) as worker:
        assert worker.wait(EXIT_SECONDS) == 0
    assert service.exchanges[-1].leaving


def test_it_leaves_when_its_lifeline_closes(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    read_end, write_end = os.pipe()
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables, lifeline=read_end) as worker:
        os.close(read_end)
        service.until(reported(1))
        os.close(write_end)
        assert worker.wait(5) == 0
    assert [note.attempt for note in service.told("checkpoints")] == [1]


def test_it_leaves_in_time_without_a_service(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables) as worker:
        service.until(reported(1))
        service.close()
        worker.terminate()
        assert worker.wait(5) == 0


def test_a_child_ends_with_its_parent(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables) as worker:
        service.until(reported(1))
        child = psutil.Process(child_pid(service.told("reports")[0]))
        worker.kill()
        gone, alive = psutil.wait_procs([child], timeout=EXIT_SECONDS)
    assert (gone, alive) == ([child], [])


def test_a_worker_with_nothing_to_do_leaves(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "quick"))
    with running_worker({**worker_variables, "RAVINE_IDLE_SECONDS": "0.3"}) as worker:
        assert worker.wait(EXIT_SECONDS) == 0
    assert epochs_told(service, 1) == [1, 2, 3]
    assert service.exchanges[-1].leaving
    assert service.told("deaths") == []


def test_a_worker_in_training_is_not_idle(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "burst"))
    with running_worker({**worker_variables, "RAVINE_IDLE_SECONDS": "0.05"}) as worker:
        service.until(reported(1, num_epochs=20))
        assert worker.poll() is None


def test_it_does_not_leave_while_an_answer_may_bring_work(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.delay_seconds = 0.5
    service.hand_out(assignment(1, "quick"))
    with running_worker({**worker_variables, "RAVINE_IDLE_SECONDS": "0.1"}) as worker:
        assert worker.wait(EXIT_SECONDS) == 0
    assert epochs_told(service, 1) == [1, 2, 3]


def test_it_gives_up_when_there_is_no_service_for_long(tmp_path: Path) -> None:
    address = Address(url="http://127.0.0.1:9", worker="w-1", join_token=JOIN_TOKEN, patience_seconds=0.3)
    hello = Hello(worker="w-1", executor="external", host="here", pid=1, slots=1, device="cpu", version="1")
    plan = WorkerPlan(
        address=address,
        hello=hello,
        child_command=SCRIPTED_CHILD,
        child_environment={},
        own_folder=tmp_path / "own",
    )
    assert WorkerLoop(plan).run() == 3
