"""One local worker as a process: started by us, or started by an earlier service and adopted."""

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from service.executors.contract import Believed


@dataclass(frozen=True)
class LocalWorker:
    """A worker's process; psutil's handle holds its time of creation, so that a recycled pid is not mistaken for it.

    `started` is ours to reap; None for an adopted one. `at` is the monotonic time since which it is ours.
    """

    worker: str
    process: psutil.Process
    started: subprocess.Popen[bytes] | None
    at: float

    def ended(self) -> str | None:
        """How it ended; None while it lives."""
        if self.started is not None:
            code = self.started.poll()
            return None if code is None else _words(code)
        return None if _lives(self.process) else "ended"

    def terminate(self) -> None:
        """Asks it to write checkpoints and leave."""
        with suppress(psutil.NoSuchProcess):
            self.process.terminate()

    def kill(self) -> None:
        """Ends it at once."""
        with suppress(psutil.NoSuchProcess):
            self.process.kill()


def living(believed: Believed, *, command: Sequence[str], now: float) -> LocalWorker | None:
    """The worker with this pid, if there is a process that some Python runs as `command` says, its first word aside.

    A pid is given again: what else has it now is never ours to end. Which worker it is, is for others to know.
    """
    try:
        process = psutil.Process(believed.pid)
        is_worker = process.cmdline()[1:] == list(command[1:])
    except psutil.Error:
        return None
    return LocalWorker(believed.worker, process, started=None, at=now) if is_worker and _lives(process) else None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _words(code: int) -> str:
    return (
        f"the worker exited with code {code}" if code >= 0 else f"the worker was killed by {signal.Signals(-code).name}"
    )
