"""A real Ravine of its own for a test: `ravine up` in an empty home folder, on free ports, in processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from service.client import Client

START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


class RunningRavine:
    """One `ravine up` and the processes under it. They are found by their command lines, and by their home."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.process = process
        addresses = json.loads(wait_for(lambda: _read(home / "addresses.json"), seconds=START_SECONDS))
        self.url: str = addresses["api"]
        self.mlflow_url: str | None = addresses["mlflow"]
        self.client = Client(self.url)
        wait_for(self.client.ready, seconds=START_SECONDS)

    def parts(self, module: str) -> list[psutil.Process]:
        """The living processes of this Ravine that run `python -m <module>`."""
        return [one for one in self.processes() if module in _command(one)]

    def processes(self) -> list[psutil.Process]:
        """All living processes that have this home in their environment, and trainer children under them."""
        mine = [one for one in psutil.process_iter() if _environment(one).get("RAVINE_HOME") == str(self.home)]
        under = [child for one in mine for child in _children(one)]
        return list({one.pid: one for one in (*mine, *under) if _lives(one)}.values())

    def kill(self, module: str, *, index: int = 0) -> None:
        """kill -9 of one process, once there is one."""
        victims = wait_for(lambda: self.parts(module), seconds=START_SECONDS)
        victims[index % len(victims)].send_signal(signal.SIGKILL)

    def wait_ready(self, *, seconds: float = START_SECONDS) -> float:
        """Waits until readyz says yes; answers how long that took, in seconds."""
        begun = time.monotonic()
        wait_for(self.client.ready, seconds=seconds)
        return time.monotonic() - begun

    def mlflow(self, path: str, **body: Any) -> dict[str, Any]:
        """A POST to MLflow's REST API, retried while its server starts."""
        return dict(wait_for(lambda: self._call("POST", path, json=body), seconds=START_SECONDS))

    def mlflow_get(self, path: str, **query: str) -> dict[str, Any]:
        """A GET of MLflow's REST API, retried while its server starts."""
        return dict(wait_for(lambda: self._call("GET", path, params=query), seconds=START_SECONDS))

    def artifact(self, run_id: str, name: str) -> str:
        """The text of an artifact, awaited while its run does not have it yet."""
        query = {"run_id": run_id, "path": name}
        return str(wait_for(lambda: self._artifact(query), seconds=START_SECONDS))

    def _artifact(self, query: dict[str, str]) -> str | None:
        try:
            answer = httpx.get(f"{self.mlflow_url}/get-artifact", params=query, timeout=30, trust_env=False)
        except httpx.TransportError:
            return None
        return answer.text if answer.status_code == 200 else None

    def _call(self, method: str, path: str, **what: Any) -> Any:
        url = f"{self.mlflow_url}/api/2.0/mlflow/{path}"
        try:
            answer = httpx.request(method, url, timeout=30, trust_env=False, **what)
        except httpx.TransportError:
            return None
        answer.raise_for_status()
        return answer.json()

    def stop(self) -> list[psutil.Process]:
        """Ctrl-C; answers what is still alive after it ended."""
        everything = self.processes()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        _, left = psutil.wait_procs(everything, timeout=STOP_SECONDS)
        return left


@contextmanager
def running_ravine(home: Path, **variables: str) -> Iterator[RunningRavine]:
    """A Ravine that runs while the block does; nothing of it is left afterwards."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAVINE_")}
    ports = {"RAVINE_PORT": "0", "RAVINE_MLFLOW_PORT": "0"}
    environment = {**inherited, **ports, "RAVINE_HOME": str(home), **variables}
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.supervision.up"], env=environment, stdout=log, stderr=log
        )
    ravine: RunningRavine | None = None
    try:
        ravine = RunningRavine(home, process)
        yield ravine
    finally:
        left = ravine.stop() if ravine is not None and process.poll() is None else []
        if ravine is not None:
            ravine.client.close()
        for one in left:
            one.kill()
        process.kill()
        process.wait()


def wait_for(look: Callable[[], Any], *, seconds: float) -> Any:
    """The first true answer of `look`. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"nothing came of {look} within {seconds:g} s")


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
