"""The recorder as real processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.programs import RECORDER


@contextmanager
def recorder_processes(home: Path, *, database_url: str) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `python -m service.recorder` on a folder and a database, as often as asked; all are gone at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*, lifeline: int | None = None, uri: str | None = None) -> subprocess.Popen[bytes]:
        places = {"RAVINE_HOME": home, "RAVINE_DATABASE_URL": database_url}
        values = {**places, "RAVINE_LIFELINE_FD": lifeline, "RAVINE_MLFLOW_URI": uri}
        variables = {**os.environ, **{name: str(value) for name, value in values.items() if value is not None}}
        inherited = () if lifeline is None else (lifeline,)
        command = [sys.executable, "-m", RECORDER]
        with (home / "recorder.log").open("ab") as log:
            process = subprocess.Popen(command, env=variables, pass_fds=inherited, stdout=log, stderr=log)
        started.append(process)
        return process

    try:
        yield begin
    finally:
        for process in started:
            process.kill()
            process.wait()
