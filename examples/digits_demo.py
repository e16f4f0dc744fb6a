"""`make demo`: serves Ravine, runs examples/digits.yaml to the end, prints the answer, stops what it started."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from service.client import Client
from service.commands.display import answer_lines, counts_text
from service.commands.spec_file import read_spec
from service.commands.watch import follow
from service.schemas import SweepAnswer
from service.settings import Settings, load, with_variables
from service.starting.home import prepare_home
from service.supervision.addresses import Addresses, forget
from service.supervision.ports import is_free
from sweeps.states import SweepState

SPEC = Path(__file__).with_name("digits.yaml")
START_SECONDS = 60.0
STOP_SECONDS = 60.0
MLFLOW_SECONDS = 60.0
POLL_SECONDS = 0.1


def main() -> int:
    """Runs the demo; 0 when the sweep is COMPLETED, 1 when it is not."""
    console = Console()
    began_at = time.monotonic()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that the service is stopped then too
    settings = load()
    with served(settings) as api, Client(api, token=settings.user_token()) as client:
        sweep = client.create_sweep(read_spec(SPEC.read_text(encoding="utf-8"), name=SPEC.name))
        follow(client, sweep_id=sweep.id, console=console)
        sweep = in_mlflow(client, sweep_id=sweep.id)
        for line in report(client, sweep=sweep):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"\nDone in {time.monotonic() - began_at:.0f} s. `make up` serves these pages again.", highlight=False
    )
    return 0 if sweep.state is SweepState.COMPLETED else 1


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of an API: of the one that serves the home folder already, or of one that ends with the block."""
    home = prepare_home(settings.home)
    noted = Addresses.of(home)
    if noted and _ready(noted.api):
        yield noted.api
        return
    forget(home)
    port = settings.port if is_free(settings.port) else 0
    mlflow_port = settings.mlflow_port if is_free(settings.mlflow_port) else 0
    environment = with_variables(home=home, port=port, mlflow_port=mlflow_port)
    log_path = home / "logs" / "up.log"
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
        yield _until_ready(process, home=home, log_path=log_path)
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS)


def in_mlflow(client: Client, *, sweep_id: str) -> SweepAnswer:
    """The sweep, once MLflow has all of it, at most MLFLOW_SECONDS later."""
    deadline = time.monotonic() + MLFLOW_SECONDS
    while (sweep := client.sweep(sweep_id)).mlflow.pending and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return sweep


def report(client: Client, *, sweep: SweepAnswer) -> list[str]:
    """What came out, and where to look, line by line."""
    answer = answer_lines(client.best(sweep.id), sweep=sweep) if sweep.best else [f"No answer: {sweep.reason}"]
    links = [f"Sweep:  {client.url}/v1/sweeps/{sweep.id}", f"MLflow: {sweep.mlflow.url or 'switched off'}"]
    if sweep.mlflow.trials_url:
        links.append(f"Table:  {sweep.mlflow.trials_url}")
    missing = [f"MLflow still lacks {sweep.mlflow.pending} events."] if sweep.mlflow.pending else []
    return ["", *answer, f"Trials: {counts_text(sweep)}", "", *links, *missing]


def _until_ready(process: subprocess.Popen[bytes], *, home: Path, log_path: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        noted = Addresses.of(home)
        if noted and _ready(noted.api):
            return noted.api
        time.sleep(POLL_SECONDS)
    sys.exit(f"The service did not start; {log_path} says:\n{log_path.read_text()}")


def _ready(api: str) -> bool:
    with Client(api) as client:
        return client.ready()


if __name__ == "__main__":
    sys.exit(main())
