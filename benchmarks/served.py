"""A real `ravine up` on free ports, in a home folder of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.client import Client
from service.settings import with_variables
from service.supervision.addresses import Addresses

START_SECONDS = 120.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.02


@contextmanager
def served(home: Path, **settings: str | int) -> Iterator[Client]:
    """A client of a service that is ready; it ends with the block. `settings` are variables without RAVINE_."""
    environment = with_variables(home=home, port=0, mlflow_port=0, **settings)
    log_path = home.parent / f"{home.name}-up.log"
    with log_path.open("wb") as log:
        # A session of its own: after Ctrl-C it is this program that stops it.
        process = subprocess.Popen(
            [sys.executable, "-m", "service.supervision.up"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_ready(process, home=home, log_path=log_path)
        with Client(_address(home)) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS)


def _address(home: Path) -> str:
    noted = Addresses.of(home)
    assert noted is not None
    return noted.api


def _await_ready(process: subprocess.Popen[bytes], *, home: Path, log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        noted = Addresses.of(home)
        if noted is not None and _ready(noted.api):
            return
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"the service did not start:\n{log_path.read_text()}")


def _ready(api: str) -> bool:
    with Client(api) as client:
        return client.ready()
