"""Attempts in the database. The id of an attempt is its fence."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from service.records import Attempt
from service.tables import attempt

# PAUSING: its verdict was PAUSE and its checkpoint has not come yet. STOPPING: it shall stop, and
# what it says counts no more: its trial is final, or waits for another attempt.
HELD, PAUSING, STOPPING, ENDED = "HELD", "PAUSING", "STOPPING", "ENDED"

# How an attempt ended when that says nothing against its worker.
HANDED_BACK, PAUSED = "handed back", "paused"


def of_trials(connection: Connection, sweep_id: str, *, numbers: Iterable[int]) -> list[Attempt]:
    """All attempts of these trials, the ended ones too, in the order of their ids."""
    query = select(attempt).where(attempt.c.sweep_id == sweep_id, attempt.c.number.in_(list(numbers)))
    return [Attempt(**row) for row in connection.execute(query.order_by(attempt.c.id)).mappings()]


def highest_id(connection: Connection) -> int:
    """The highest id given so far, 0 without attempts."""
    return int(connection.execute(select(func.coalesce(func.max(attempt.c.id), 0))).scalar_one())


def all_open(connection: Connection) -> list[Attempt]:
    """All attempts that have not ended."""
    query = select(attempt).where(attempt.c.state != ENDED).order_by(attempt.c.id)
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def open_of(connection: Connection, worker_ids: Iterable[str]) -> list[Attempt]:
    """The attempts in the hands of these workers."""
    query = select(attempt).where(attempt.c.worker_id.in_(list(worker_ids)), attempt.c.state != ENDED)
    return [Attempt(**row) for row in connection.execute(query.order_by(attempt.c.id)).mappings()]


def get(connection: Connection, attempt_id: int) -> Attempt | None:
    """One attempt."""
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).mappings().first()
    return Attempt(**row) if row else None
