"""The connection to the database: SQLite in WAL mode by default, PostgreSQL for a team."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, Engine, Float, extract, func, literal, make_url, select
from sqlalchemy.exc import DBAPIError

from service.database.engines import (
    ALONE,
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    ONE_SNAPSHOT,
    Patience,
    postgresql_engine,
    sqlite_engine,
)
from service.database.errors import translated
from service.database.gate import Gate

RETRY_AFTER_SECONDS = 2
SERVER_CLOCK = extract("epoch", func.clock_timestamp()).cast(Float)


class Database:
    """Gives transactions: `read()` sees one snapshot, `write()` is alone, so that ids are in the order of commits.

    A PostgreSQL that says nothing for `answer_seconds` counts as away. `check` is called at the beginning of every
    write transaction; what it raises keeps the transaction from writing.
    """

    def __init__(
        self, url: str, *, answer_seconds: float = ANSWER_SECONDS, check: Callable[[Connection], None] | None = None
    ) -> None:
        self._check = check
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = sqlite_engine(self.url, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
            self._reader = sqlite_engine(self.url, begin="BEGIN DEFERRED", pool_size=8, max_overflow=32)
        else:
            known = Patience(Gate(attempt_seconds=CONNECT_SECONDS), answer_seconds)
            self._writer = postgresql_engine(self.url, begin=ALONE, pool_size=1, max_overflow=0, patience=known)
            self._reader = postgresql_engine(self.url, begin=ONE_SNAPSHOT, pool_size=8, max_overflow=8, patience=known)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction. Raises Unavailable when the database cannot be reached."""
        with translated(), _begun(self._reader) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed at the end. Raises Unavailable or StorageFull."""
        with translated(), _begun(self._writer) as connection:
            if self._check is not None:
                self._check(connection)
            yield connection
            connection.commit()

    def clock(self) -> ColumnElement[float]:
        """Seconds since 1970 on the database's clock, as a part of a query: asking for it alone would be a journey."""
        if self.is_sqlite:
            return literal(time.time(), Float)
        return SERVER_CLOCK

    def now(self, connection: Connection) -> float:
        """Seconds since 1970 on the database's clock."""
        return connection.execute(select(self.clock())).scalar_one()

    def close(self) -> None:
        """Gives all connections back."""
        self._writer.dispose()
        self._reader.dispose()


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, which is rolled back at the end unless it was committed."""
    try:
        connection = _begin(engine)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        connection = _begin(engine)  # it had lain in the pool while the server restarted: a new one, once
    with connection:
        yield connection


def _begin(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection
