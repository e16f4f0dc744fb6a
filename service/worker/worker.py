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
from service.settings import WorkerSettings, inherited
from service.supervision.lifeline import when_closed
from service.worker.loop import WorkerLoop, WorkerPlan
from service.worker.session import Address

TRAINER_CHILD = (sys.executable, "-m", "service.trainer_child")
BAD_CONFIGURATION = 2

logger = logging.getLogger(__name__)


def plan_of(settings: WorkerSettings, *, child_command: tuple[str, ...]) -> WorkerPlan:
    """The plan that these settings ask for. Raises ConfigurationError."""
    host = socket.gethostname()
    worker = settings.worker_id or f"{_as_id(host)}-{secrets.token_hex(4)}"
    hello = Hello(
        worker=worker,
        executor=settings.executor,
        host=host,
        pid=os.getpid(),
        slots=1,
        device=settings.device,
        version=_version(),
    )
    threads = str(settings.threads)
    return WorkerPlan(
        address=Address(url=settings.url, worker=worker, join_token=settings.shared_join_token()),
        hello=hello,
        child_command=child_command,
        child_environment={**inherited(), "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        own_folder=settings.home.absolute() / "worker-files" / hello.worker,  # one that was checked: it is removed
        child_nice=settings.nice,
        problems=settings.problems,
    )


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
        settings = WorkerSettings()
        sys.exit(work(settings, child_command=tuple(arguments.child)))
    except (ConfigurationError, ValidationError) as error:
        logger.error("%s", error)
        sys.exit(BAD_CONFIGURATION)


def _version() -> str:
    try:
        return version("ravine")
    except PackageNotFoundError:
        return "not installed"


def _as_id(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", host).lstrip("_.-")[:80] or "worker"
