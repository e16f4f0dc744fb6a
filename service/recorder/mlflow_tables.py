"""MLflow's own tables in SQLite, written by the hundred: what its client does in dozens of queries a run.

The rules are those of MLflow's SqlAlchemyStore: create_run, log_batch and update_run_info of the version that is
KNOWN. docs/decisions/0041 says how that is made sure.
"""

import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import mlflow
from mlflow.entities import LifecycleStage
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from sqlalchemy import Connection, Executable, create_engine, event

from service.recorder import mlflow_statements as statements
from service.recorder.delivery import Delivery, NewRun
from service.recorder.mlflow_checks import checked
from service.recorder.mlflow_client import Fault
from service.recorder.mlflow_errors import RunMissing, RunRefused
from service.recorder.mlflow_rows import Row, latest_rows, new_tag_rows, pair_rows, point_rows, run_row, status_row

Known: TypeAlias = tuple[str, str]

KNOWN: Known = ("3.17.2", "dc11669786a5")
"""The version of MLflow, and the revision of its tables, whose rules these are."""

BUSY_SECONDS = 20  # as MLflow waits
POINTS_AT_ONCE = 20_000  # some 0.1 s in which nobody else writes


class UnknownTables(Exception):
    """This is not the MLflow whose rules are known here: its client is to do it."""


class MlflowTables:
    """The tables of an MLflow in this file. Each method raises UnknownTables when they are not the known ones."""

    def __init__(self, file: Path, *, known: Known = KNOWN) -> None:
        self._rules = known
        self._engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS}, pool_size=1)
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    def experiment(self, name: str) -> str | None:
        """The id of the experiment of this name; None where it is not there, or deleted."""
        with self._known() as connection:
            values = {"the_name": name, "the_workspace": DEFAULT_WORKSPACE_NAME}
            found = connection.execute(statements.EXPERIMENT_NAMED, values).first()
        return str(found.experiment_id) if found and found.lifecycle_stage == LifecycleStage.ACTIVE else None

    def create_all(self, wanted: Sequence[NewRun]) -> list[str]:
        """Makes these runs, all or none, and gives their ids, in their order. Raises RunRefused."""
        if not wanted:
            return []
        new = [(uuid.uuid4().hex, run) for run in wanted]
        with self._known() as connection:
            locations = {one: _location(connection, one) for one in {run.experiment_id for run in wanted}}
            rows = [run_row(run, run_id=run_id, location=locations[run.experiment_id]) for run_id, run in new]
            _write(connection, statements.ADD_RUNS, rows=rows)
            tags = [row for run_id, run in new for row in new_tag_rows(run, run_id=run_id)]
            _write(connection, statements.SET_TAGS, rows=tags)
        return [run_id for run_id, _ in new]

    def send_all(self, deliveries: Sequence[Delivery]) -> list[Fault | None]:
        """Brings these deliveries, and gives in their order why one was not taken."""
        faults: list[Fault | None] = []
        for some in _portions(deliveries):
            with self._known() as connection:
                faults += _send(connection, some)
        return faults

    def close(self) -> None:
        """Gives the connection back."""
        self._engine.dispose()

    @contextmanager
    def _known(self) -> Iterator[Connection]:
        """A transaction on tables that are known, alone from its begin and committed at its end."""
        with self._engine.begin() as connection:
            found = (mlflow.__version__, connection.execute(statements.REVISION).scalar())
            if found != self._rules:
                raise UnknownTables(f"MLflow and the revision of its tables are {found}; known are {self._rules}")
            yield connection


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late
    connection.execute("PRAGMA foreign_keys=ON")


def _portions(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Such that no transaction takes long: its points are few, or of one run."""
    portion: list[Delivery] = []
    num_points = 0
    for delivery in deliveries:
        num_points += len(delivery.points)
        if portion and num_points > POINTS_AT_ONCE:
            yield portion
            portion, num_points = [], len(delivery.points)
        portion.append(delivery)
    if portion:
        yield portion


def _location(connection: Connection, experiment_id: str) -> str:
    found = connection.execute(statements.EXPERIMENT, {"the_id": int(experiment_id)}).first()
    if found is None or found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise RunRefused(f"experiment {experiment_id} is not active")
    return str(found.artifact_location)


def _send(connection: Connection, deliveries: Sequence[Delivery]) -> list[Fault | None]:
    ids = [delivery.run_id for delivery in deliveries]
    stages = dict(connection.execute(statements.STAGES, {"ids": ids}).all())
    params: dict[str, dict[str, str]] = {}
    for run_id, key, value in connection.execute(statements.PARAMS_OF, {"ids": ids}):
        params.setdefault(run_id, {})[key] = value
    faults: list[Fault | None] = []
    taken: list[Delivery] = []
    for delivery in deliveries:
        try:
            taken.append(_taken(delivery, stage=stages.get(delivery.run_id), params=params.get(delivery.run_id, {})))
            faults.append(None)
        except (RunMissing, RunRefused) as fault:
            faults.append(fault)
    _add(connection, taken)
    return faults


def _taken(delivery: Delivery, *, stage: str | None, params: Mapping[str, str]) -> Delivery:
    """What of a delivery is to be written. Raises RunMissing, RunRefused."""
    if stage is None:
        raise RunMissing(f"run {delivery.run_id} is not there")
    if stage != LifecycleStage.ACTIVE:
        raise RunRefused(f"run {delivery.run_id} is {stage}")
    found = checked(delivery)
    for key, value in found.params.items():
        if params.get(key, value) != value:
            raise RunRefused(f"param {key} of run {delivery.run_id} is {params[key]} and stays it")
    return found


def _add(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    if points := [row for one in deliveries for row in point_rows(one.points, run_id=one.run_id)]:
        connection.exec_driver_sql(statements.ADD_POINTS, points)
    latest = [row for one in deliveries for row in latest_rows(one.points, run_id=one.run_id)]
    _write(connection, statements.KEEP_LATEST, rows=latest)
    params = [row for one in deliveries for row in pair_rows(one.params, run_id=one.run_id)]
    _write(connection, statements.ADD_PARAMS, rows=params)
    tags = [row for one in deliveries for row in pair_rows(one.tags, run_id=one.run_id)]
    _write(connection, statements.SET_TAGS, rows=tags)
    _write(connection, statements.SET_STATUS, rows=[status_row(one) for one in deliveries if one.status is not None])


def _write(connection: Connection, statement: Executable, *, rows: list[Row]) -> None:
    if rows:
        connection.execute(statement, rows)
