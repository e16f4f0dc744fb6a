"""The roads by which the recorder reaches an MLflow, each to the same one, that a real server shows."""

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from service.recorder.content import KEY_TAG, SWEEP_TAG, Point, RunContent
from service.recorder.data_content import DataContent
from service.recorder.delivery import Delivery, NewRun
from service.recorder.mlflow_client import Fault, Mlflow
from service.recorder.mlflow_embedded import DATABASE_FILE, EmbeddedMlflow, open_mlflow
from tests.service.faulty_mlflow import BY_CLIENT

BEGIN_MS = 1_700_000_000_000
ROADS: dict[str, Callable[[Path, str], Mlflow]] = {
    "into the tables": lambda folder, _url: EmbeddedMlflow(folder),
    "by the client": lambda folder, _url: BY_CLIENT(folder),
    "over HTTP": lambda folder, url: open_mlflow(url, folder=folder),
}
TABLES = ("runs", "tags", "params", "metrics", "latest_metrics")
DATA = DataContent("digits", "abc", source="{}", schema="{}", profile='{"num_rows": 3}')
OWN = ("run_uuid", "experiment_id", "artifact_uri")
_NAMES = itertools.count()


def content(number: int = 0, **tags: str) -> RunContent:
    """What a run is made with."""
    wanted = {SWEEP_TAG: "s1", KEY_TAG: f"s1/{number}", "mlflow.user": "me", "ravine.state": "RUNNING"}
    return RunContent(
        key=f"s1/{number}",
        name=f"#{number}",
        status="RUNNING",
        tags=wanted | tags,
        params={},
        points=(),
        started_ms=BEGIN_MS + number,
        ended_ms=None,
    )


def points(*, last: int, first: int = 1, key: str = "val_loss") -> tuple[Point, ...]:
    """One of each epoch."""
    return tuple(Point(key, 1.0 / epoch, BEGIN_MS + epoch, epoch) for epoch in range(first, last + 1))


@dataclass
class Road:
    """One road, in an experiment of its own, and eyes on what arrived."""

    mlflow: Mlflow
    reader: MlflowClient
    database: Path
    experiment: str = field(default_factory=lambda: f"road {next(_NAMES)}")

    @classmethod
    def by(cls, name: str, *, folder: Path, url: str) -> "Road":
        """The road of this name to the MLflow in this folder, which a server shows at this address."""
        return cls(ROADS[name](folder, url), MlflowClient(tracking_uri=url), folder / DATABASE_FILE)

    def make(self, *wanted: RunContent, parent: str | None = None) -> list[str]:
        """Runs in the experiment."""
        experiment_id = self.mlflow.experiment(self.experiment)
        return self.mlflow.create_all([NewRun(experiment_id, one, parent) for one in wanted])

    def send(self, *deliveries: Delivery) -> list[Fault | None]:
        """Why each was not taken, in their order; each is told of once."""
        faults: dict[int, Fault | None] = {}

        def arrived(delivery: Delivery, fault: Fault | None) -> None:
            assert id(delivery) not in faults
            faults[id(delivery)] = fault

        self.mlflow.send_all(deliveries, arrived=arrived)
        return [faults[id(delivery)] for delivery in deliveries]

    def run(self, run_id: str) -> Run:
        """As the server shows it."""
        return self.reader.get_run(run_id)

    def history(self, run_id: str, *, key: str = "val_loss") -> list[tuple[int, int, float]]:
        """Step, timestamp and value of every point."""
        found = self.reader.get_metric_history(run_id, key)
        return [(one.step, one.timestamp, one.value) for one in found]

    def rows(self, run_id: str) -> dict[str, set[tuple[Any, ...]]]:
        """All that MLflow's tables hold of a run, but for what its own id and its experiment's make different."""
        found: dict[str, set[tuple[Any, ...]]] = {}
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            for table in TABLES:
                listed = connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run_id,)).fetchall()
                named = [[(name, row[name]) for name in row.keys()] for row in listed]
                found[table] = {tuple(cell for cell in row if cell[0] not in OWN) for row in named if not _own(row)}
        return found


def _own(row: list[tuple[str, Any]]) -> bool:
    return ("key", "mlflow.parentRunId") in row
