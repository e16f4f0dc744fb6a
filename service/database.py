"""The connection to the database: SQLite in WAL mode by default, PostgreSQL for a team."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from service.errors import StorageFull, Unavailable

BUSY_SECONDS = 15
RETRY_AFTER_SECONDS = 2
EVENT_LOCK = 7_246_353  # any constant: the one advisory lock under which event ids are given


class Database:
    """Gives transactions: `read()` sees one snapshot, `write()` is alone (SQLite) or takes the event lock."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writer = self._engine(begin="BEGIN IMMEDIATE", pool_size=1)
        self._reader = self._engine(begin="BEGIN DEFERRED", pool_size=8)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction. Raises Unavailable when the database cannot be reached."""
        with _translated(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed at the end. Raises Unavailable or StorageFull."""
        with _translated(), self._writer.begin() as connection:
            if not self.is_sqlite:
                # Ids in the order of commits, or a reader that goes by id would miss some (DESIGN 4.7).
                connection.execute(text(f"SELECT pg_advisory_xact_lock({EVENT_LOCK})"))
            yield connection

    def now(self, connection: Connection) -> float:
        """Seconds since 1970 on the database's clock."""
        if self.is_sqlite:
            return time.time()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def close(self) -> None:
        """Gives all connections back."""
        self._writer.dispose()
        self._reader.dispose()

    def _engine(self, *, begin: str, pool_size: int) -> Engine:
        options: dict[str, Any] = {
            "json_serializer": _dumps,
            "pool_size": pool_size,
            "max_overflow": 0 if pool_size == 1 else 32,
        }
        if not self.is_sqlite:
            return create_engine(self.url, pool_pre_ping=True, **options)
        engine = create_engine(self.url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN is switched off: it would begin too late to see one snapshot.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


# Made once: json.dumps with options would make an encoder for each value.
_dumps = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors in our words."""
    try:
        yield
    except DBAPIError as error:
        what = str(error.orig)
        if "disk is full" in what or "No space left" in what or "disk I/O error" in what:
            raise StorageFull("The disk that holds the data is full: free some space; nothing was lost.") from error
        if error.connection_invalidated or "locked" in what or "connection" in what.lower() or "unable to open" in what:
            raise Unavailable(
                f"The database cannot be reached now ({what.splitlines()[0]}); try again soon."
            ) from error
        raise
