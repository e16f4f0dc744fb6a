"""`python -m service.worker`: the small process that talks with the service and keeps a trainer child. No torch."""

import argparse
import logging
import os
import re
import secrets
import signal
import socket
import sys
from importlib.metadata import PackageNotFoundError, version

from pydantic import ValidationError

from service.errors import ConfigurationError
from service.protocol import Hello
from service.settings import WorkerSettings, inherited, loaded
from service.starting.home import own_home
from service.starting.refusal import refuse
from service.supervision.lifeline import when_closed
from service.worker.loop import WorkerLoop
from service.worker.plan import WorkerPlan
from service.worker.session import Address

TRAINER_CHILD = (sys.executable, "-m", "service.trainer_child")
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(1 << 27), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
"""In bytes, for glibc: what one update frees is there for the next. Otherwise it goes back to the system and comes anew
page by page, which takes a tenth of an update of a convolutional network and a third of Adam's with a million weights.
"""

logger = logging.getLogger(__name__)


def plan_of(settings: WorkerSettings, *, child_command: tuple[str, ...]) -> WorkerPlan:
    """The plan that these settings ask for. Raises ConfigurationError."""
    hello = _hello(settings)
    threads = str(settings.threads)
    return WorkerPlan(
        address=Address(url=settings.url, worker=hello.worker, join_token=settings.shared_join_token()),
        hello=hello,
        child_command=child_command,
        child_environment={**ALLOCATOR, **inherited(), "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        own_folder=own_home(settings.home) / "worker-files" / hello.worker,  # one that was checked: it is removed
        child_nice=settings.nice,
        problems=settings.problems,
        idle_seconds=settings.idle_seconds,
        pulse_file=settings.pulse_file,
    )


def _hello(settings: WorkerSettings) -> Hello:
    host = socket.gethostname()
    try:
        return Hello(
            worker=settings.worker_id or f"{as_id(host)}-{secrets.token_hex(4)}",
            executor=settings.executor,
            host=host,
            pid=os.getpid(),
            slots=settings.slots,
            device=settings.device,
            version=_version(),
        )
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        mend = "take at most 100 letters, digits and . _ -, a letter or digit first"
        name = {"worker": "RAVINE_WORKER_ID", "device": "RAVINE_DEVICE"}[field]
        raise ConfigurationError(f"{name}: {error.errors()[0]['msg']}; {mend}.") from error


def work(settings: WorkerSettings, *, child_command: tuple[str, ...] = TRAINER_CHILD) -> int:
    """Runs one worker and answers its exit code: 0 left as asked, 2 configuration, 3 no service, 4 not known there."""
    loop = WorkerLoop(plan_of(settings, child_command=child_command))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: loop.ask_drain(signal.Signals(number).name))
    if settings.lifeline_fd is not None:
        when_closed(settings.lifeline_fd, act=lambda: loop.ask_drain("the supervisor is gone"))
    return loop.run()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m service.worker", description=__doc__)
    parser.add_argument("--child", nargs=argparse.REMAINDER, default=TRAINER_CHILD, help="a command: all that follows")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
    try:
        sys.exit(work(loaded(WorkerSettings), child_command=tuple(arguments.child)))
    except ConfigurationError as error:
        refuse(error)


def _version() -> str:
    try:
        return version("ravine")
    except PackageNotFoundError:
        return "not installed"


def as_id(host: str) -> str:
    """The name of a machine as an id may begin."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", host).lstrip("_.-")[:80] or "worker"
