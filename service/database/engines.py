"""How each of the two databases is opened, and how a transaction begins there."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event

from service.database.errors import first_line
from service.database.gate import Gate

BUSY_SECONDS = 15
WAL_PAUSE_SECONDS = 0.02
EVENT_LOCK = 7_246_353  # any constant: the one advisory lock under which event ids are given

# On PostgreSQL, in seconds; each is longer than the one before. A writer that says nothing in the middle of a
# transaction (its process is stopped, its machine gone) loses it, and with it the event lock; whoever waits for the
# lock waits that long; no statement of ours takes longer; and a server that has not answered by then never will.
CONNECT_SECONDS = 3
IDLE_SECONDS = 10
LOCK_SECONDS = 12
STATEMENT_SECONDS = 15
ANSWER_SECONDS = 20.0

POSTGRESQL = {
    "autocommit": True,  # the driver's own BEGIN is switched off: ours takes the lock in the same breath
    "connect_timeout": CONNECT_SECONDS,
    # A host that vanished is noticed within 10 s, whether it owes us an answer or a receipt.
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": (
        f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s "
        f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
    ),
}
ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({EVENT_LOCK})"
ONE_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def sqlite_engine(url: URL, *, begin: str, pool_size: int, max_overflow: int) -> Engine:
    """SQLite in WAL mode. `begin`: the statement that begins a transaction."""
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        **_pool(pool_size=pool_size, max_overflow=max_overflow),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


@dataclass(frozen=True)
class Patience:
    """How a server that may be away is met: by way of a gate, and silent for at most `answer_seconds`."""

    gate: Gate
    answer_seconds: float


def postgresql_engine(url: URL, *, begin: str, pool_size: int, max_overflow: int, patience: Patience) -> Engine:
    """PostgreSQL. What the URL says about the connection goes before what we would say."""

    def connect(_dialect: object, _record: object, arguments: Any, named: dict[str, Any]) -> psycopg.Connection[Any]:
        patience.gate.enter()
        try:
            connection = _Bounded.connect(*arguments, **{**POSTGRESQL, **named})
        except psycopg.Error as error:
            patience.gate.failed(first_line(error))
            raise
        patience.gate.succeeded()
        connection.patience = patience
        return connection

    pool = _pool(pool_size=pool_size, max_overflow=max_overflow)
    engine = create_engine(url, use_native_hstore=False, pool_timeout=CONNECT_SECONDS, **pool)
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


class _Bounded(psycopg.Connection[Any]):
    """A connection that gives a silent server up: one that is frozen still acknowledges what it is sent."""

    patience = Patience(Gate(attempt_seconds=CONNECT_SECONDS), ANSWER_SECONDS)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Waits for the server. Raises OperationalError after `answer_seconds`."""
        try:
            return super().wait(gen, interval, self.patience.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()
            why = f"it has said nothing for {self.patience.answer_seconds:g} s"
            self.patience.gate.failed(why)  # a new connection would hear nothing either
            raise psycopg.OperationalError(why) from error


def _pool(*, pool_size: int, max_overflow: int) -> dict[str, Any]:
    return {"json_serializer": _dumps, "pool_size": pool_size, "max_overflow": max_overflow}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN is switched off: it would begin too late to see one snapshot.
    connection.isolation_level = None
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Two first starts at once both ask for it, and SQLite's busy timeout does not hold for this one switch."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(WAL_PAUSE_SECONDS)


# Made once: json.dumps with options would make an encoder for each value.
_dumps = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
