"""What the local executor does with its processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from service.executors.contract import Believed
from service.executors.local import LocalExecutor, LocalPlan
from service.settings import inherited
from tests.contracts.executors import DEAF, SHORT_LIVED, SLEEPER, Clock, environment_of, kill, plan, running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stopped() -> Iterator[Callable[[LocalExecutor], LocalExecutor]]:
    """Registers executors that are stopped at the end."""
    every: list[LocalExecutor] = []

    def register(executor: LocalExecutor) -> LocalExecutor:
        every.append(executor)
        return executor

    yield register
    for executor in every:
        executor.stop()
    assert running() == {}


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A worker that an earlier service left behind."""
    process = subprocess.Popen(SLEEPER)
    while not psutil.Process(process.pid).cmdline():  # which the kernel shows only a moment after the start
        continue
    yield process
    process.kill()
    process.wait()


def test_it_starts_as_many_as_planned_at_once(
    tmp_path: Path, stopped: Callable[[LocalExecutor], LocalExecutor]
) -> None:
    executor = stopped(LocalExecutor(plan(tmp_path, num_workers=3)))
    executor.ensure(num_wanted=1)
    first = running()
    executor.ensure(num_wanted=1)
    assert sorted(worker.rpartition("-")[0] for worker in first) == ["local-0", "local-1", "local-2"]
    assert running().keys() == first.keys()
    environment = environment_of(next(iter(first.values())))
    assert (environment["RAVINE_EXECUTOR"], environment["RAVINE_NICE"]) == ("local", "10")


def test_a_killed_worker_is_told_and_replaced_by_one_with_another_id(
    tmp_path: Path, clock: Clock, stopped: Callable[[LocalExecutor], LocalExecutor]
) -> None:
    executor = stopped(LocalExecutor(plan(tmp_path), clock=clock))
    executor.ensure(num_wanted=1)
    before = running()
    clock.now += 60
    killed = next(iter(before))
    kill(before[killed])
    assert [(gone.worker, gone.how) for gone in executor.gone()] == [(killed, "the worker was killed by SIGKILL")]
    assert executor.gone() == []
    executor.ensure(num_wanted=1)
    after = running()
    assert len(after) == 2
    assert len(after.keys() - before.keys()) == 1


def test_one_that_dies_young_is_replaced_later_each_time(
    tmp_path: Path, clock: Clock, stopped: Callable[[LocalExecutor], LocalExecutor]
) -> None:
    others = set(psutil.Process().children())  # what other tests share: a database
    executor = stopped(LocalExecutor(plan(tmp_path, num_workers=1, command=SHORT_LIVED), clock=clock))
    for pause_seconds in (1, 2, 4, 8, 16, 30, 30):
        executor.ensure(num_wanted=1)
        (child,) = set(psutil.Process().children()) - others
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert [gone.how for gone in executor.gone()] == ["the worker exited with code 4"]
        clock.now += pause_seconds - 0.1
        executor.ensure(num_wanted=1)
        assert set(psutil.Process().children()) == others
        clock.now += 0.2


def test_a_living_worker_that_is_heard_of_is_adopted(
    tmp_path: Path,
    clock: Clock,
    stopped: Callable[[LocalExecutor], LocalExecutor],
    sleeper: subprocess.Popen[bytes],
) -> None:
    heard: set[str] = set()
    believed = [Believed("local-1-cafe", pid=sleeper.pid)]
    executor = stopped(LocalExecutor(plan(tmp_path), believed=believed, is_heard=heard.__contains__, clock=clock))
    executor.ensure(num_wanted=1)
    assert running() == {}
    heard.add("local-1-cafe")
    executor.ensure(num_wanted=1)
    assert [worker.rpartition("-")[0] for worker in running()] == ["local-0"]
    assert executor.gone() == []
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert [gone.worker for gone in executor.gone()] == ["local-1-cafe"]


def test_an_adopted_worker_is_stopped_too(tmp_path: Path, clock: Clock, sleeper: subprocess.Popen[bytes]) -> None:
    believed = [Believed("local-0-cafe", pid=sleeper.pid)]
    executor = LocalExecutor(
        plan(tmp_path, num_workers=1), believed=believed, is_heard=lambda worker: bool(worker), clock=clock
    )
    executor.ensure(num_wanted=1)
    executor.stop()
    assert not psutil.pid_exists(sleeper.pid)
    assert running() == {}


def test_one_that_nobody_has_heard_of_yet_is_stopped_too(
    tmp_path: Path, clock: Clock, sleeper: subprocess.Popen[bytes]
) -> None:
    believed = [Believed("local-0-cafe", pid=sleeper.pid)]
    executor = LocalExecutor(plan(tmp_path, num_workers=1), believed=believed, clock=clock)
    executor.ensure(num_wanted=1)
    executor.stop()
    assert not psutil.pid_exists(sleeper.pid)


def test_another_program_with_the_pid_of_a_worker_is_left_alone(
    tmp_path: Path, clock: Clock, sleeper: subprocess.Popen[bytes]
) -> None:
    believed = [Believed("local-0-cafe", pid=sleeper.pid)]
    executor = LocalExecutor(
        plan(tmp_path, command=DEAF), believed=believed, is_heard=lambda worker: bool(worker), clock=clock
    )
    assert [gone.worker for gone in executor.gone()] == ["local-0-cafe"]
    executor.stop()
    assert sleeper.poll() is None


def test_one_that_nobody_hears_of_counts_as_gone_after_three_seconds(
    tmp_path: Path,
    clock: Clock,
    stopped: Callable[[LocalExecutor], LocalExecutor],
    sleeper: subprocess.Popen[bytes],
) -> None:
    believed = [Believed("local-0-cafe", pid=sleeper.pid)]
    executor = stopped(LocalExecutor(plan(tmp_path), believed=believed, clock=clock))
    clock.now += 2.9
    executor.ensure(num_wanted=1)
    assert (executor.gone(), running()) == ([], {})
    clock.now += 0.2
    executor.ensure(num_wanted=1)
    assert [gone.worker for gone in executor.gone()] == ["local-0-cafe"]
    assert len(running()) == 2
    assert sleeper.poll() is None  # whose pid it is now, nobody knows


def test_one_whose_process_is_gone_is_not_waited_for(
    tmp_path: Path, clock: Clock, stopped: Callable[[LocalExecutor], LocalExecutor]
) -> None:
    dead = subprocess.Popen(SHORT_LIVED)
    dead.wait()
    executor = stopped(LocalExecutor(plan(tmp_path), believed=[Believed("local-0-cafe", pid=dead.pid)], clock=clock))
    executor.ensure(num_wanted=1)
    assert [gone.worker for gone in executor.gone()] == ["local-0-cafe"]
    assert len(running()) == 2


def test_an_adopted_worker_without_a_place_is_asked_to_leave(
    tmp_path: Path,
    clock: Clock,
    stopped: Callable[[LocalExecutor], LocalExecutor],
    sleeper: subprocess.Popen[bytes],
) -> None:
    executor = stopped(
        LocalExecutor(
            plan(tmp_path, num_workers=1),
            believed=[Believed("local-7-cafe", pid=sleeper.pid)],
            is_heard=lambda worker: bool(worker),
            clock=clock,
        )
    )
    executor.ensure(num_wanted=1)
    assert len(running()) == 1
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert [gone.worker for gone in executor.gone()] == ["local-7-cafe"]


def test_each_device_has_its_worker(tmp_path: Path, stopped: Callable[[LocalExecutor], LocalExecutor]) -> None:
    on_gpus = LocalPlan(
        num_workers=2, command=SLEEPER, environment=inherited(), log_folder=tmp_path, devices=("0", "3")
    )
    stopped(LocalExecutor(on_gpus)).ensure(num_wanted=1)
    seen = {worker.split("-")[1]: environment_of(child) for worker, child in running().items()}
    assert [seen[place]["CUDA_VISIBLE_DEVICES"] for place in ("0", "1")] == ["0", "3"]
    assert seen["0"]["RAVINE_DEVICE"] == "cuda:0"


def test_the_lifeline_is_handed_on(tmp_path: Path, stopped: Callable[[LocalExecutor], LocalExecutor]) -> None:
    read_end, write_end = os.pipe()
    reader = (sys.executable, "-c", "import os; os.read(int(os.environ['RAVINE_LIFELINE_FD']), 1)")
    lifted = LocalPlan(
        num_workers=1, command=reader, environment=inherited(), log_folder=tmp_path, lifeline_fd=read_end
    )
    executor = stopped(LocalExecutor(lifted))
    executor.ensure(num_wanted=1)
    (worker,) = running().values()
    os.close(write_end)
    os.close(read_end)
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert [gone.how for gone in executor.gone()] == ["the worker exited with code 0"]


def test_a_worker_that_does_not_leave_is_killed(
    tmp_path: Path, stopped: Callable[[LocalExecutor], LocalExecutor]
) -> None:
    stubborn = LocalPlan(num_workers=1, command=DEAF, environment=inherited(), log_folder=tmp_path, stop_seconds=0.2)
    executor = stopped(LocalExecutor(stubborn))
    executor.ensure(num_wanted=1)
    (worker,) = running().values()
    (log,) = tmp_path.glob("local-0-*.log")
    while b"deaf" not in log.read_bytes():
        assert worker.is_running()
    executor.stop()
    assert not worker.is_running()
