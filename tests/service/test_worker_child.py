"""What the worker parent does with its child: deaths, limits, company."""

import os
import signal
import sys
from queue import SimpleQueue

import psutil

from service.protocol import ChildDeath
from service.settings import inherited
from service.worker.child_keeper import ChildKeeper
from service.worker.child_process import ChildProcess
from tests.service.scripted_service import ScriptedService
from tests.service.workers import assignment, child_pid, reported, running_worker
from trainer.config import Limits


def only_death(service: ScriptedService) -> ChildDeath:
    (death,) = service.told("deaths")
    assert isinstance(death, ChildDeath)
    return death


def test_a_child_that_dies_is_named_with_what_it_trained(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.hand_out(assignment(1, "exit"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
    death = only_death(service)
    assert (death.attempts, death.how, death.code, death.signal) == ((1,), "exit", 3, None)


def test_a_child_that_dies_before_it_takes_anything_is_named_with_what_it_was_given_first(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.hand_out(assignment(1, "unborn"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
    death = only_death(service)
    assert (death.attempts, death.how, death.code, death.seconds) == ((1,), "exit", 3, 0.0)


def test_a_child_that_begins_nothing_is_replaced_later_each_time() -> None:
    ended: SimpleQueue[ChildProcess] = SimpleQueue()

    def spawn() -> ChildProcess:
        command = (sys.executable, "-S", "-c", "")
        return ChildProcess(command, environment=inherited(), hear=lambda _said: None, ended=ended.put)

    keeper, now = ChildKeeper(spawn, now=0.0), 0.0
    for pause_seconds in (1.0, 2.0, 4.0):
        assert keeper.ended(ended.get(timeout=10), idle=True, now=now) is not None
        assert keeper.start_at == now + pause_seconds
        assert not keeper.ensure(now=now + pause_seconds - 0.1)
        now += pause_seconds
        assert keeper.ensure(now=now)
    assert keeper.ended(ended.get(timeout=10), idle=False, now=now) is not None
    assert keeper.start_at == now


def test_a_child_that_is_killed_is_named_by_signal(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(1))
        os.kill(child_pid(service.told("reports")[0]), signal.SIGKILL)
        service.until(reported(2, num_epochs=3))
    death = only_death(service)
    assert (death.attempts, death.how, death.code, death.signal) == ((1,), "signal", None, 9)
    assert death.seconds >= 1.0


def test_a_silent_child_is_killed(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "silent", limits=Limits(hang_seconds=0.3)), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
    assert (only_death(service).attempts, only_death(service).how) == ((1,), "hang")


def test_a_child_over_its_memory_is_killed(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "fat", limits=Limits(memory_mb=200)))
    with running_worker(worker_variables):
        service.until(lambda it: it.told("deaths"))
    death = only_death(service)
    assert (death.attempts, death.how) == ((1,), "memory")
    assert death.rss_mb is not None
    assert death.rss_mb > 200


def test_a_sweep_with_a_memory_limit_has_a_child_of_its_own(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    limited = Limits(memory_mb=5000)
    service.hand_out(assignment(1, "quick"), assignment(2, "quick"), assignment(3, "quick", limits=limited))
    service.hand_out(assignment(4, "quick", limits=limited), assignment(5, "quick"))
    with running_worker(worker_variables):
        service.until(reported(5, num_epochs=3))
    pids = {report.attempt: child_pid(report) for report in service.told("reports")}
    assert pids[1] == pids[2]
    assert pids[3] == pids[4]
    assert len({pids[1], pids[3], pids[5]}) == 3
    assert service.told("deaths") == []


def test_a_child_has_no_token_in_its_environment(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables):
        service.until(reported(1))
        seen = psutil.Process(child_pid(service.told("reports")[0])).environ()
    assert not [name for name in seen if name.startswith("RAVINE_")]
    assert seen["OMP_NUM_THREADS"] == seen["MKL_NUM_THREADS"] == "1"
