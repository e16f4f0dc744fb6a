"""What a trial costs the recorder: finished trials, a dozen at a time, into an MLflow by each of its roads."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bars import Bar
from benchmarks.table import table
from service.database.migrating import migrate
from service.recorder.copier import Copier
from service.recorder.mlflow_client import Mlflow
from service.recorder.mlflow_embedded import EmbeddedMlflow, open_mlflow
from service.recorder.recorder import collect_seldom
from service.recorder.registry import Registry
from tests.service.faulty_mlflow import BY_CLIENT
from tests.service.mlflow_server import Server
from tests.service.recorder_house import NOWHERE, copier_of
from tests.service.recorder_story import Story

ASKED_MS = 12.0
NUM_AT_ONCE = 12  # 50 trials/s, looked at four times a second
NUM_WARM_UP = 24
MOST_OVER_HTTP = 60  # they take long
ROADS = ("into its tables", "by its client", "over HTTP")

FULL = ((300, 20), (300, 6))
QUICK = ((60, 20), (60, 6))


@dataclass(frozen=True)
class Cost:
    """Milliseconds a trial: of the recorder's processor time, of that of the server it calls, and of time."""

    road: str
    num_trials: int
    num_epochs: int
    processor_ms: float
    server_ms: float
    wall_ms: float


def measure(forms: Sequence[tuple[int, int]], *, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Each of these numbers of trials and epochs by each road, each into an MLflow of its own."""
    costs: list[dict[str, Any]] = []
    for num_trials, num_epochs in forms:
        for road in ROADS:
            num_now = min(num_trials, MOST_OVER_HTTP) if road == ROADS[-1] else num_trials
            cost = _one(road, num_trials=num_now, num_epochs=num_epochs)
            say(f"{road}, {num_epochs} epochs: {cost.processor_ms:.2f} ms of processor time a trial")
            costs.append(asdict(cost))
    return costs


def bars(costs: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Of our own MLflow, beside what is asked for."""
    for cost in costs:
        if cost["road"] == ROADS[0]:
            what = f"recorder's processor time of a trial of {cost['num_epochs']} epochs"
            yield Bar(what, asked=ASKED_MS, got=cost["processor_ms"], unit="ms", at_most=True)


def written(costs: Sequence[Mapping[str, Any]]) -> str:
    """Milliseconds a trial by each road."""
    head = ("road", "trials", "epochs", "processor, ms a trial", "MLflow's server's", "time, ms a trial")
    rows = (
        (
            *(cost[name] for name in ("road", "num_trials", "num_epochs")),
            *(f"{cost[name]:.2f}" for name in ("processor_ms", "server_ms", "wall_ms")),
        )
        for cost in costs
    )
    return "## What a trial costs the recorder\n\n" + table(head, rows=rows)


def _one(road: str, *, num_trials: int, num_epochs: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder, _mlflow(road, Path(folder)) as mlflow:
        url = f"sqlite:///{folder}/ravine.db"
        migrate(url)
        story = Story(Path(folder), database_url=url)
        story.sweep()
        copier = copier_of(story, mlflow=mlflow, registry=Registry(NOWHERE))
        _copied(copier, story=story, first=num_trials, num_trials=NUM_WARM_UP, num_epochs=num_epochs)
        collect_seldom()
        processor, server, wall = time.process_time(), _children_seconds(), 0.0
        for first in range(0, num_trials, NUM_AT_ONCE):
            num_now = min(NUM_AT_ONCE, num_trials - first)
            spent = _copied(copier, story=story, first=first, num_trials=num_now, num_epochs=num_epochs)
            processor, wall = processor + spent.not_copying, wall + spent.wall
        seconds = (time.process_time() - processor, _children_seconds() - server, wall)
        story.database.close()
    return Cost(road, num_trials, num_epochs, *(1000 * one / num_trials for one in seconds))


@dataclass(frozen=True)
class _Spent:
    """Seconds: of this process's processor time beside the copying, and of time in it."""

    not_copying: float
    wall: float


def _copied(copier: Copier, *, story: Story, first: int, num_trials: int, num_epochs: int) -> _Spent:
    before = time.process_time()
    for number in range(first, first + num_trials):
        story.whole(number, last=num_epochs)
    not_copying, began_at = time.process_time() - before, time.perf_counter()
    while copier.step(now=float(first)):
        pass
    return _Spent(not_copying, wall=time.perf_counter() - began_at)


@contextmanager
def _mlflow(road: str, folder: Path) -> Iterator[Mlflow]:
    own = folder / "mlflow"
    if road == "over HTTP":
        open_mlflow(None, folder=own).close()
        server = Server(own)
        try:
            yield open_mlflow(server.url, folder=own)
        finally:
            server.stop()
        return
    mlflow = EmbeddedMlflow(own) if road == "into its tables" else BY_CLIENT(own)
    try:
        yield mlflow
    finally:
        mlflow.close()


def _children_seconds() -> float:
    """Processor time of all that this process has started and that still runs."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)
