"""Workers as processes of this machine."""

import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from service.executors.contract import Believed, Gone, Outlook
from service.executors.local_worker import LocalWorker, living
from service.executors.log_files import log_path, make_room
from service.settings import ExecutorName

logger = logging.getLogger(__name__)

ADOPTION_SECONDS = 3.0
YOUNG_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 5.0
NICE = 10


@dataclass(frozen=True)
class LocalPlan:
    """How many workers there shall be and how one is started.

    `environment` is all that a worker gets but its id and what follows from it. Without a `log_folder` workers write
    where this process does. `lifeline_fd` is handed on to every worker. With `devices`, worker i sees the CUDA device
    devices[i] only. `executor` is what workers say they belong to, `name` what their ids begin with. They stand back by
    `nice`.
    """

    num_workers: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_folder: Path | None
    lifeline_fd: int | None = None
    devices: tuple[str, ...] = ()
    stop_seconds: float = STOP_SECONDS
    executor: ExecutorName = "local"
    name: str = "local"
    nice: int = NICE


@dataclass
class Place:
    """Where one worker belongs. A worker that dies young is replaced 1 s later, the next 2 s, and so on."""

    number: int
    worker: LocalWorker | None = None
    start_at: float = 0.0
    pause_seconds: float = 0.0

    def lose(self, worker: LocalWorker, *, now: float) -> None:
        """Its worker is gone."""
        young = now - worker.at < YOUNG_SECONDS
        self.pause_seconds = min(max(1.0, 2 * self.pause_seconds), LONGEST_PAUSE_SECONDS) if young else 0.0
        self.worker, self.start_at = None, now + self.pause_seconds


class LocalExecutor:
    """Keeps `num_workers` alive.

    Workers that an earlier service left behind are adopted when they are heard of (`is_heard`) within
    ADOPTION_SECONDS; the others count as gone. Before that is settled none is started.
    """

    def __init__(
        self,
        plan: LocalPlan,
        *,
        believed: Sequence[Believed] = (),
        is_heard: Callable[[str], bool] = lambda worker: False,  # noqa: ARG005 - nobody was heard
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._is_heard, self._clock = plan, is_heard, clock
        self._places = [Place(number) for number in range(plan.num_workers)]
        self._surplus: list[LocalWorker] = []  # adopted, but one too many: told to leave
        self._gone: list[Gone] = []
        self._adopt_until = clock() + ADOPTION_SECONDS
        self._candidates: list[LocalWorker] = []
        for one in believed:
            self._consider(one)

    def outlook(self) -> Outlook:
        """All its places."""
        return Outlook(num_workers=len(self._places))

    def ensure(self, *, num_wanted: int) -> None:
        """Starts the workers that are missing, as far as it is time; all of them, wanted or not: they stay warm."""
        del num_wanted
        now = self._clock()
        self._look(now=now)
        if self._candidates:
            return
        for place in self._places:
            if place.worker is None and now >= place.start_at:
                place.worker = self._start(place.number, now=now)

    def gone(self) -> list[Gone]:
        """The workers that were seen to be gone since the last call."""
        self._look(now=self._clock())
        gone, self._gone = self._gone, []
        return gone

    def stop(self) -> None:
        """Ends all its workers, by force what does not leave within `stop_seconds`."""
        workers = [place.worker for place in self._places if place.worker is not None]
        workers += self._surplus + self._candidates
        for worker in workers:
            worker.terminate()
        processes = [worker.process for worker in workers]
        _, left = psutil.wait_procs(processes, timeout=self._plan.stop_seconds)
        for worker in workers:
            if worker.process in left:
                logger.warning("worker %s did not leave in time and is killed", worker.worker)
                worker.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)
        for worker in workers:
            worker.ended()  # reaps

    def _consider(self, believed: Believed) -> None:
        candidate = living(believed, command=self._plan.command, now=self._clock())
        if candidate is None:
            self._gone.append(Gone(believed.worker, how="its process was gone when the service started"))
        else:
            self._candidates.append(candidate)

    def _look(self, *, now: float) -> None:
        for candidate in list(self._candidates):
            self._settle(candidate, now=now)
        for place in self._places:
            worker = place.worker
            if worker is not None and (how := worker.ended()):
                self._gone.append(Gone(worker.worker, how=how))
                place.lose(worker, now=now)
        for surplus in [one for one in self._surplus if one.ended()]:
            self._surplus.remove(surplus)
            self._gone.append(Gone(surplus.worker, how="one worker too many"))

    def _settle(self, candidate: LocalWorker, *, now: float) -> None:
        """Adopts a candidate that was heard of, gives up one that is gone or silent for too long."""
        if self._is_heard(candidate.worker):
            self._adopt(candidate)
        elif candidate.ended() or now >= self._adopt_until:
            self._gone.append(Gone(candidate.worker, how="not heard of since the service started"))
        else:
            return
        self._candidates.remove(candidate)

    def _adopt(self, worker: LocalWorker) -> None:
        """Back into its own place, so that each device keeps one worker."""
        logger.info("adopted worker %s (pid %d)", worker.worker, worker.process.pid)
        place = next((one for one in self._places if worker.worker.startswith(self._prefix(one.number))), None)
        if place is not None and place.worker is None:
            place.worker = worker
        else:
            self._surplus.append(worker)
            worker.terminate()

    def _start(self, number: int, *, now: float) -> LocalWorker:
        worker = f"{self._prefix(number)}{secrets.token_hex(4)}"
        lifeline_fds = () if self._plan.lifeline_fd is None else (self._plan.lifeline_fd,)
        with self._log(number, worker=worker) as log:
            started = subprocess.Popen(
                self._plan.command,
                env={**self._plan.environment, **self._variables(number, worker=worker)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log is not None else None,
                pass_fds=lifeline_fds,
            )
        logger.info("started worker %s (pid %d)", worker, started.pid)
        return LocalWorker(worker, psutil.Process(started.pid), started=started, at=now)

    def _log(self, number: int, *, worker: str) -> AbstractContextManager[IO[bytes] | None]:
        folder = self._plan.log_folder
        if folder is None:
            return nullcontext()
        make_room(folder, prefix=self._prefix(number))
        return log_path(folder, worker=worker).open("ab")

    def _prefix(self, number: int) -> str:
        return f"{self._plan.name}-{number}-"

    def _variables(self, number: int, *, worker: str) -> dict[str, str]:
        variables = {
            "RAVINE_WORKER_ID": worker,
            "RAVINE_EXECUTOR": self._plan.executor,
            "RAVINE_NICE": str(self._plan.nice),
        }
        if self._plan.lifeline_fd is not None:
            variables["RAVINE_LIFELINE_FD"] = str(self._plan.lifeline_fd)
        if self._plan.devices:
            variables |= {
                "CUDA_VISIBLE_DEVICES": self._plan.devices[number % len(self._plan.devices)],
                "RAVINE_DEVICE": "cuda:0",
            }
        return variables
