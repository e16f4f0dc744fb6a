"""What the drivers raise, in our words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from service.errors import ServiceError, StorageFull, Unavailable

# SQLSTATE classes (the first two characters): connections, transactions that lost to another one, resources, states (a
# lock waited for too long, a server in recovery), the operator (stopping, starting, limits of time), the system.
PASSING_CLASSES = {"08", "40", "53", "55", "57", "58"}
# A server that became a standby refuses writes; a transaction that slept too long has ended.
PASSING = {"25006", "25P03"}
DISK_FULL = "53100"
SQLITE_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_READONLY")
SQLITE_DISK_FULL = ("SQLITE_FULL", "SQLITE_IOERR")


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable and StorageFull for what will pass; what is a mistake of ours stays what it is."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable("The database is busy: all connections to it are in use; try again soon.") from error
    except DBAPIError as error:
        ours = _in_our_words(error)
        if ours is None:
            raise
        raise ours from error


def _in_our_words(error: DBAPIError) -> ServiceError | None:
    is_full, passes = _of_sqlite(error.orig) if isinstance(error.orig, sqlite3.Error) else _of_postgresql(error)
    if is_full:
        return StorageFull("The disk that holds the data is full: free some space; nothing was lost.")
    if passes:
        return Unavailable(f"The database cannot be reached now ({first_line(error.orig)}); try again soon.")
    return None


def first_line(error: BaseException | None) -> str:
    """What a driver says, without its advice."""
    return (str(error).splitlines() or ["no reason given"])[0]


def _of_sqlite(error: sqlite3.Error) -> tuple[bool, bool]:
    name: str = getattr(error, "sqlite_errorname", "")  # what the driver itself refuses has none
    return name.startswith(SQLITE_DISK_FULL), name.startswith(SQLITE_PASSING)


def _of_postgresql(error: DBAPIError) -> tuple[bool, bool]:
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:  # no server said it: there was none, or it went away
        return False, error.connection_invalidated or isinstance(error, OperationalError)
    return state == DISK_FULL, state in PASSING or state[:2] in PASSING_CLASSES
