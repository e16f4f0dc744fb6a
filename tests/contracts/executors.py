"""Plans of local workers, what plays one, and a look at those that run as children of the tests."""

import os
import sys
from pathlib import Path

import psutil

from service.executors.local import LocalPlan
from service.settings import inherited

SLEEPER = (sys.executable, "-c", "import signal; signal.pause()")
SHORT_LIVED = (sys.executable, "-c", "raise SystemExit(4)")
DEAF = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
)


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def kill(process: psutil.Process) -> None:
    """Kills a child and waits for its end, which is left for its owner to see."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def plan(folder: Path, *, num_workers: int = 2, command: tuple[str, ...] = SLEEPER) -> LocalPlan:
    return LocalPlan(num_workers=num_workers, command=command, environment=inherited(), log_folder=folder / "logs")


def running() -> dict[str, psutil.Process]:
    """The workers that are children of this process, by id."""
    found = [(_worker_id(child), child) for child in psutil.Process().children()]
    return {worker: child for worker, child in found if worker is not None}


def _worker_id(child: psutil.Process) -> str | None:
    try:
        lives = child.status() != psutil.STATUS_ZOMBIE
        return environment_of(child).get("RAVINE_WORKER_ID") if lives else None
    except psutil.NoSuchProcess:  # it ended between the listing and the look: gone is what it is
        return None


def environment_of(child: psutil.Process) -> dict[str, str]:
    """Its environment, which the kernel shows only a moment after the start."""
    while not (environment := child.environ()):
        continue
    return environment
