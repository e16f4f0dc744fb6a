"""Ravine's programs as real processes, for tests of how they start."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from service.settings import inherited

START_SECONDS = 60.0
API, UP, RECORDER = "service.app", "service.supervision.up", "service.recorder"
MIGRATE, WORKER = "service.commands.migration", "service.worker"


def variables(home: Path, **ours: str | int | Path) -> dict[str, str]:
    """The environment of a Ravine of the test's own."""
    told = {"home": home, "port": 0, "mlflow_port": 0, "executor": "external", **ours}
    return {**inherited(), **{f"RAVINE_{name.upper()}": str(value) for name, value in told.items()}}


def refusal(module: str, environment: dict[str, str]) -> str:
    """The one line with which a program refuses to start."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("ravine: ")
    assert "hunter2" not in done.stderr
    return done.stderr.removeprefix("ravine: ").rstrip("\n")


@contextmanager
def running(module: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program, gone at the end."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until_ready(port: int) -> None:
    """Waits until the API there says that it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "it does not become ready"
