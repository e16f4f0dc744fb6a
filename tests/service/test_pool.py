"""A worker on each GPU of a machine that has not the service on it."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.service.scripted_service import ScriptedService
from tests.service.workers import EXIT_SECONDS, SCRIPTED_CHILD, assignment, reported

WORKER = (sys.executable, "-m", "service.worker", "--child", *SCRIPTED_CHILD)
SLEEPER = (sys.executable, "-c", "import signal; signal.pause()")


@contextmanager
def running_pool(variables: dict[str, str], *command: str) -> Iterator[subprocess.Popen[str]]:
    """A pool of such workers; neither it nor one of them is left at the end."""
    pool = subprocess.Popen(
        [sys.executable, "-m", "service.executors.pool", "--worker", *command],
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    workers = []
    try:
        yield pool
        workers = _children(pool)
    finally:
        pool.kill()
        pool.wait()
        assert pool.stderr is not None
        pool.stderr.close()
        _, left = psutil.wait_procs(workers, timeout=EXIT_SECONDS)
        for one in left:
            one.kill()
    assert left == []


def _children(pool: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(pool.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def with_gpus(worker_variables: dict[str, str], tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """The variables of a worker on a machine whose nvidia-smi prints this."""

    def variables(printed: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "nvidia-smi"
        script.write_text(f"#!/bin/sh\nprintf '{printed}'\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return {**worker_variables, "PATH": f"{folder}{os.pathsep}{worker_variables['PATH']}"}

    return variables


def said_hello(num_workers: int) -> Callable[[ScriptedService], bool]:
    return lambda service: len(service.hellos) >= num_workers


def test_each_gpu_has_a_worker_that_came_by_itself(
    service: ScriptedService, with_gpus: Callable[[str], dict[str, str]]
) -> None:
    with running_pool(with_gpus("0\\n3\\n"), *WORKER) as pool:
        service.until(said_hello(2))
        by_pid = {child.pid: child.environ() for child in psutil.Process(pool.pid).children()}
        seen = sorted(by_pid[hello.pid]["CUDA_VISIBLE_DEVICES"] for hello in service.hellos)
        pool.terminate()
        assert pool.wait(EXIT_SECONDS) == 0
    assert seen == ["0", "3"]
    assert {(hello.executor, hello.device) for hello in service.hellos} == {("external", "cuda:0")}
    assert len({hello.worker for hello in service.hellos}) == 2


def test_without_a_gpu_there_is_one_worker_and_it_leaves_as_on_sigterm(
    service: ScriptedService, with_gpus: Callable[[str], dict[str, str]]
) -> None:
    service.hand_out(assignment(1, "endless"))
    with running_pool(with_gpus(""), *WORKER) as pool:
        service.until(reported(1))
        pool.send_signal(signal.SIGINT)
        assert pool.wait(EXIT_SECONDS) == 0
    assert [hello.device for hello in service.hellos] == ["cpu"]
    assert service.exchanges[-1].leaving
    assert [note.attempt for note in service.told("checkpoints")] == [1]


def test_a_worker_that_dies_is_replaced(service: ScriptedService, with_gpus: Callable[[str], dict[str, str]]) -> None:
    with running_pool(with_gpus("0\\n"), *WORKER):
        service.until(said_hello(1))
        psutil.Process(service.hellos[0].pid).kill()
        service.until(said_hello(2))
    assert service.hellos[0].worker != service.hellos[1].worker


def test_the_workers_end_when_the_pool_is_killed(
    service: ScriptedService, with_gpus: Callable[[str], dict[str, str]]
) -> None:
    with running_pool(with_gpus("0\\n1\\n"), *WORKER) as pool:
        service.until(said_hello(2))
        everything = psutil.Process(pool.pid).children(recursive=True)
        pool.kill()
        _, left = psutil.wait_procs(everything, timeout=EXIT_SECONDS)
        assert left == []


def test_a_wrong_setting_is_told_once(worker_variables: dict[str, str]) -> None:
    wrong = {**worker_variables, "RAVINE_JOIN_TOKEN_FILE": "/nowhere"}
    with running_pool(wrong, *SLEEPER) as pool:
        assert pool.wait(EXIT_SECONDS) == 2
        assert pool.stderr is not None
        (line,) = pool.stderr.read().splitlines()
    assert "RAVINE_JOIN_TOKEN_FILE: /nowhere cannot be read" in line
