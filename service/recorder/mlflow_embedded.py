"""Our own MLflow: SQLite in a folder of ours, and which of the two roads leads there."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import structlog
from mlflow.environment_variables import (
    MLFLOW_DISABLE_TELEMETRY,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Engine, event

from service.recorder.delivery import Delivery, NewRun
from service.recorder.mlflow_client import HTTP_SECONDS, PROXIED, Arrived, Mlflow
from service.recorder.mlflow_tables import KNOWN, Known, MlflowTables, UnknownTables

DATABASE_FILE = "mlflow.db"
ARTIFACTS_FOLDER = "artifacts"
READY_FILE = "ready"

T = TypeVar("T")

log = structlog.get_logger("recorder")


class EmbeddedMlflow(Mlflow):
    """Our own MLflow: SQLite in `folder`, opened as MLflow does, but in WAL mode with synchronous=NORMAL.

    A commit then costs no fsync (7 times faster). What the loss of power can take is the latest commits, never an
    earlier one alone: a run that is there and has ended is whole.

    Many runs go into MLflow's tables in one transaction, as long as those are the tables we know; else, and
    always where it is rare, one after the other through MLflow's client.
    """

    def __init__(self, folder: Path, *, known: Known = KNOWN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder.resolve() / DATABASE_FILE
        if not self._file.exists():
            _make_database(self._file)
        event.listen(Engine, "connect", self._prepare)
        super().__init__(f"sqlite:///{self._file}", artifacts=folder.resolve() / ARTIFACTS_FOLDER)
        self._tables: MlflowTables | None = MlflowTables(self._file, known=known)
        (folder / READY_FILE).touch()

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name; made, or brought back from the deleted ones, when it is not there."""
        found = self._by_tables(lambda tables: tables.experiment(name))
        return super().experiment(name) if found is None else found

    def create_all(self, wanted: Sequence[NewRun]) -> list[str]:
        """Makes these runs and gives their ids, in their order."""
        made = self._by_tables(lambda tables: tables.create_all(wanted))
        return super().create_all(wanted) if made is None else made

    def send_all(self, deliveries: Sequence[Delivery], *, arrived: Arrived) -> None:
        """Brings these deliveries, and tells of each that has come, with its fault where it was not taken."""
        with_data = [one for one in deliveries if one.data is not None]  # one of a sweep
        super().send_all(with_data, arrived=arrived)
        rest = [one for one in deliveries if one.data is None]
        faults = self._by_tables(lambda tables: tables.send_all(rest))
        if faults is None:
            return super().send_all(rest, arrived=arrived)
        for delivery, fault in zip(rest, faults, strict=True):
            arrived(delivery, fault)

    def make_durable(self) -> None:
        """Writes the log of SQLite back, which begins with an fsync."""
        with closing(sqlite3.connect(self._file, timeout=5)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Leaves later connections of this process alone."""
        if self._tables is not None:
            self._tables.close()
        event.remove(Engine, "connect", self._prepare)

    def _by_tables(self, act: Callable[[MlflowTables], T]) -> T | None:
        """What came of it, None where it is to be done by MLflow's client."""
        if self._tables is None:
            return None
        try:
            return act(self._tables)
        except UnknownTables as error:
            log.warning("mlflow.unknown_tables", reason=str(error))
            self._tables.close()
            self._tables = None
        return None

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        # MLflow makes its own engines: every connection of the process comes by here, ours to other files too.
        if not isinstance(connection, sqlite3.Connection):
            return
        files = [row[2] for row in connection.execute("PRAGMA database_list")]
        if str(self._file) in files:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")


def open_mlflow(uri: str | None, *, folder: Path) -> Mlflow:
    """The MLflow at this address, or without one our own in this folder.

    Its client is told neither to wait nor to try again: a request whose answer was lost may have made a run, and
    trying it again blindly would make a second one. The recorder looks first.
    """
    for variable, value in (
        (MLFLOW_DISABLE_TELEMETRY, True),
        (MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
        (MLFLOW_HTTP_REQUEST_MAX_RETRIES, 0),
        (MLFLOW_HTTP_REQUEST_TIMEOUT, HTTP_SECONDS),
    ):
        variable.set(value)  # type: ignore[no-untyped-call]  # MLflow has no types here
    return EmbeddedMlflow(folder) if uri is None else Mlflow(uri, artifacts=None)


def _make_database(file: Path) -> None:
    """MLflow's schema, and its Default experiment such that artifacts go through the server.

    Made aside and moved into place: MLflow refuses a database whose making was cut short by a kill.
    """
    draft = file.with_name(f"{file.name}.draft")
    for left_behind in file.parent.glob(f"{draft.name}*"):
        left_behind.unlink()
    store = SqlAlchemyStore(f"sqlite:///{draft}", PROXIED)  # type: ignore[no-untyped-call]  # MLflow has no types here
    store.engine.dispose()
    draft.rename(file)
