"""The executors under contract, each with a view of its workers from outside."""

import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from service.executors.contract import Believed, Executor, Gone
from service.executors.local import LocalExecutor
from service.executors.ray_client import RayClient
from service.executors.ray_executor import RayExecutor
from service.executors.ray_plan import RayPlan
from service.executors.ray_roster import ACTIVE, Witness
from tests.contracts.executors import SLEEPER, kill, plan, running
from tests.service.scripted_ray import RayScript

PATIENCE_SECONDS = 100.0
POLL_SECONDS = 0.02
PLAYED = "exec sleep 1000"  # what plays a worker on a real Ray


class ExecutorHouse(Protocol):
    """A place where workers live. `heard`: those that spoke to the service."""

    heard: set[str]

    def executor(self, *, num_workers: int, believed: Collection[str] = ()) -> Executor:
        """One that believes in workers of an earlier one."""

    def leave_behind(self) -> str:
        """A worker of an earlier service, whose executor is no more."""

    def living(self) -> set[str]:
        """The workers that there are, in truth."""

    def kill(self, worker: str) -> None:
        """Ends a worker by force."""


class LocalHouse:
    """Workers as children of the tests."""

    def __init__(self, folder: Path) -> None:
        self.heard: set[str] = set()
        self._folder = folder
        self._left: dict[str, subprocess.Popen[bytes]] = {}

    def executor(self, *, num_workers: int, believed: Collection[str] = ()) -> Executor:
        pids = [Believed(one, self._left[one].pid if one in self._left else _no_process()) for one in believed]
        is_heard = self.heard.__contains__
        return LocalExecutor(plan(self._folder, num_workers=num_workers), believed=pids, is_heard=is_heard)

    def leave_behind(self) -> str:
        worker = f"local-0-{secrets.token_hex(4)}"
        self._left[worker] = subprocess.Popen(SLEEPER)
        while not psutil.Process(self._left[worker].pid).cmdline():  # shown only a moment after the start
            continue
        return worker

    def living(self) -> set[str]:
        return running().keys() | {worker for worker, process in self._left.items() if process.poll() is None}

    def kill(self, worker: str) -> None:
        if worker in self._left:
            self._left[worker].kill()
            self._left[worker].wait()
        else:
            kill(running()[worker])


class ScriptedRayHouse:
    """Workers as jobs of a Ray that a test directs."""

    def __init__(self, script: RayScript, *, client: Callable[[], RayClient]) -> None:
        self.heard: set[str] = set()
        self._script, self._client = script, client
        self._owner = secrets.token_hex(8)

    def executor(self, *, num_workers: int, believed: Collection[str] = ()) -> Executor:
        played = ray_plan_of(num_workers, owner=self._owner)
        witness = witness_of(self.heard)
        return RayExecutor(played, client=self._client(), witness=witness, believed=believed, pace=0.02)

    def leave_behind(self) -> str:
        worker = f"ray-{secrets.token_hex(4)}"
        self._client().submit(ray_plan_of(1, owner=self._owner).job(worker))
        return worker

    def living(self) -> set[str]:
        return self._script.living()

    def kill(self, worker: str) -> None:
        self._script.end(worker, code=-signal.SIGKILL)


class RealRayHouse:
    """Workers as jobs of a real Ray."""

    def __init__(self, client: Callable[[], RayClient]) -> None:
        self.heard: set[str] = set()
        self._client = client
        self._owner = secrets.token_hex(8)

    def executor(self, *, num_workers: int, believed: Collection[str] = ()) -> Executor:
        played = ray_plan_of(num_workers, owner=self._owner)
        return RayExecutor(played, client=self._client(), witness=witness_of(self.heard), believed=believed)

    def leave_behind(self) -> str:
        worker = f"ray-{secrets.token_hex(4)}"
        self._client().submit(ray_plan_of(1, owner=self._owner).job(worker))
        wait_until(lambda: bool(_processes_of(worker)))
        return worker

    def living(self) -> set[str]:
        """Those whose process is there, too."""
        played = ray_plan_of(1, owner=self._owner)
        jobs = [job for job in self._client().jobs() if played.owns(job) and job.status in ACTIVE]
        return {str(job.submission_id) for job in jobs if _processes_of(str(job.submission_id))}

    def kill(self, worker: str) -> None:
        for process in _processes_of(worker):
            process.kill()


def ray_plan_of(num_workers: int, *, owner: str) -> RayPlan:
    """A plan whose workers only sleep."""
    return RayPlan(num_workers=num_workers, entrypoint=PLAYED, variables={}, owner=owner)


def witness_of(heard: Collection[str]) -> Witness:
    """Of a service to which these workers speak all the time."""
    return Witness(lambda worker: 0.0 if worker in heard else None, has_lease=lambda worker: worker in heard)


def wait_until(done: Callable[[], bool]) -> None:
    """Waits for what happens in another process or thread."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def watch(executor: Executor, *, num_wanted: int, until: Callable[[], bool]) -> list[Gone]:
    """Calls it as the service does until something is so; who was seen to be gone meanwhile."""
    gone: list[Gone] = []

    def done() -> bool:
        executor.ensure(num_wanted=num_wanted)
        gone.extend(executor.gone())
        return until()

    wait_until(done)
    return gone


def _processes_of(worker: str) -> list[psutil.Process]:
    """Those that play this worker on a real Ray."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "sleep" and process.environ().get("RAVINE_WORKER_ID") == worker:
                found.append(process)
    return found


def _no_process() -> int:
    """The pid of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid
