"""A thousand slots on one machine: the real service, the real protocol, and workers that only keep time."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.postgres import counts, postgresql
from benchmarks.served import served
from benchmarks.service_cost import noop_spec
from benchmarks.simulated_workers import Fleet
from benchmarks.slots_run import Quiet, Run, Swept
from benchmarks.watched import api_process
from benchmarks.workload import sweep_spec
from service.client import Client
from service.supervision.addresses import Addresses


@dataclass(frozen=True)
class Side:
    """One run. search: random (no pruner), or tpe with asha. recorder: off, embedded (it opens MLflow's SQLite itself)
    or http (as in compose).
    """

    database: str
    search: str
    recorder: str
    num_trials: int


@dataclass(frozen=True)
class Form:
    """How much is measured. The mean trial lasts `trial_seconds`, each between half and one and a half of it."""

    num_workers: int
    trial_seconds: float
    idle_seconds: float
    heartbeat_seconds: float
    sides: tuple[Side, ...]


FULL = Form(
    num_workers=1000,
    trial_seconds=40,
    idle_seconds=10,
    heartbeat_seconds=15,
    sides=(
        Side("sqlite", "random", "off", num_trials=10_000),
        Side("postgresql", "random", "off", num_trials=10_000),
        Side("postgresql", "tpe", "off", num_trials=10_000),
        Side("sqlite", "random", "embedded", num_trials=2_000),
        Side("postgresql", "random", "http", num_trials=2_000),
    ),
)
QUICK = Form(
    num_workers=100,
    trial_seconds=4,
    idle_seconds=1,
    heartbeat_seconds=1,
    sides=(Side("sqlite", "random", "off", num_trials=200),),
)


@dataclass(frozen=True)
class Outcome:
    """One side in figures. hello_seconds: all workers at once. load: of the machine before, by others too.

    updated, committed: rows and transactions per second by PostgreSQL's own count, from the first hello on.
    """

    side: Side
    num_workers: int
    trial_seconds: float
    load: float
    hello_seconds: float
    quiet: Quiet
    swept: Swept
    inserted_per_second: float | None
    updated_per_second: float | None
    commits_per_second: float | None


def measure(form: Form, *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """All sides, one after the other. Raises RuntimeError when a trial was lost, doubled or taken from its worker."""
    outcomes = []
    for side in form.sides:
        outcome = _one(form, side=side, seed=seed)
        swept = outcome.swept
        say(
            f"{side.database}, {side.search}, recorder {side.recorder}: {side.num_trials} trials on "
            f"{form.num_workers} slots in {swept.seconds:.0f} s, {swept.steady.requests_per_second:.0f} requests/s "
            f"of {swept.steady.ms_per_request:.2f} ms, p50 {swept.steady.p50_ms:.0f}, p99 {swept.steady.p99_ms:.0f} ms"
        )
        outcomes.append(asdict(outcome))
    return outcomes


def _one(form: Form, *, side: Side, seed: int) -> Outcome:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder, ExitStack() as stack:
        client, url = stack.enter_context(_service(side, folder=Path(folder)))
        home = Path(folder) / "home"
        token = (home / "join-token").read_text().strip()
        fleet = Fleet(client.url, join_token=token, num_workers=form.num_workers, trial_seconds=form.trial_seconds)
        began_at = time.monotonic()
        stack.enter_context(fleet)
        hello_seconds = time.monotonic() - began_at
        run = Run(client, api=api_process(urlsplit(client.url).port or 0), fleet=fleet, num_workers=form.num_workers)
        quiet = run.quiet(idle_seconds=form.idle_seconds, heartbeat_seconds=form.heartbeat_seconds, seed=seed)
        spec = sweep_spec if side.search == "tpe" else noop_spec
        before, began_at = _counts(side, url), time.monotonic()
        swept = run.sweep(spec(num_trials=side.num_trials, seed=seed), url=url, has_recorder=side.recorder != "off")
        rates = [
            (after - earlier) / (time.monotonic() - began_at)
            for earlier, after in zip(before, _counts(side, url), strict=True)
        ]
        return Outcome(
            side,
            form.num_workers,
            form.trial_seconds,
            load=load,
            hello_seconds=hello_seconds,
            quiet=quiet,
            swept=swept,
            inserted_per_second=rates[0] if rates else None,
            updated_per_second=rates[1] if rates else None,
            commits_per_second=rates[2] if rates else None,
        )


@contextmanager
def _service(side: Side, *, folder: Path) -> Iterator[tuple[Client, str]]:
    """A client of a service as the side wants it, and the URL of its database."""
    home, url = folder / "home", f"sqlite:///{folder / 'home' / 'ravine.db'}"
    settings = {"recorder": str(side.recorder != "off").lower(), "executor": "external"}
    with ExitStack() as stack:
        if side.database == "postgresql":
            url = settings["database_url"] = stack.enter_context(postgresql())
        if side.recorder == "http":  # the MLflow of another Ravine is one that is elsewhere
            stack.enter_context(served(folder / "other", executor="external"))
            noted = Addresses.of(folder / "other")
            assert noted is not None
            settings["mlflow_uri"] = str(noted.mlflow)
        yield stack.enter_context(served(home, **settings)), url


def _counts(side: Side, url: str) -> tuple[int, ...]:
    return counts(url) if side.database == "postgresql" else ()
