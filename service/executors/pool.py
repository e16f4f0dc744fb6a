"""`python -m service.executors.pool`: a worker on each GPU of this machine, for a service elsewhere; else one worker.

They write where this process does, end with it, and are started again when they end.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading

from service.errors import ConfigurationError
from service.executors.gpus import gpus
from service.executors.local import LocalExecutor, LocalPlan
from service.settings import WorkerSettings, loaded, with_variables
from service.starting.refusal import refuse
from service.supervision.lifeline import when_closed
from service.supervision.signals import when_signalled
from service.worker.worker import as_id

WORKER = (sys.executable, "-m", "service.worker")
LOOK_SECONDS = 0.5
STOP_SECONDS = 25.0  # with the time that a kill takes, all is over within the 30 s that container engines are told

logger = logging.getLogger(__name__)


def pool_plan(settings: WorkerSettings, *, command: tuple[str, ...], lifeline_fd: int) -> LocalPlan:
    """The workers of this machine. Raises ConfigurationError."""
    settings.shared_join_token()  # each worker would say the same, again and again
    devices = gpus()
    return LocalPlan(
        num_workers=max(1, len(devices)),
        command=command,
        environment=with_variables(),
        log_folder=None,
        lifeline_fd=lifeline_fd,
        devices=devices,
        stop_seconds=STOP_SECONDS,
        executor="external",
        name=as_id(socket.gethostname()),
        nice=settings.nice,
    )


def keep(plan: LocalPlan, *, over: threading.Event) -> None:
    """Keeps the workers alive until it is over, then ends them."""
    executor = LocalExecutor(plan)
    while not over.is_set():
        for gone in executor.gone():
            logger.warning("worker %s is gone: %s", gone.worker, gone.how)
        executor.ensure(num_wanted=plan.num_workers)
        over.wait(LOOK_SECONDS)
    executor.stop()


def main() -> int:
    """The command line: 0 after a signal, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(prog="python -m service.executors.pool", description=__doc__)
    parser.add_argument("--worker", nargs=argparse.REMAINDER, default=WORKER, help="a command: all that follows")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    lifeline, _held_open = os.pipe()  # its other end closes with this process, however that ends
    try:
        settings = loaded(WorkerSettings)
        plan = pool_plan(settings, command=tuple(arguments.worker), lifeline_fd=lifeline)
    except ConfigurationError as error:
        refuse(error)
    over = threading.Event()
    when_signalled((signal.SIGTERM, signal.SIGINT), act=over.set)
    if settings.lifeline_fd is not None:
        when_closed(settings.lifeline_fd, act=over.set)
    keep(plan, over=over)
    return 0


if __name__ == "__main__":
    sys.exit(main())
