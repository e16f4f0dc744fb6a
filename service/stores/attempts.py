"""Attempts in the database. The id of an attempt is its fence."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from service.records import Attempt
from service.tables import attempt

# PAUSING: its verdict was PAUSE and its checkpoint has not come yet. STOPPING: its trial is final, it shall stop.
HELD, PAUSING, STOPPING, ENDED = "HELD", "PAUSING", "STOPPING", "ENDED"

# How an attempt ended when that says nothing against its worker.
HANDED_BACK, PAUSED = "handed back", "paused"


def add(
    connection: Connection, sweep_id: str, *, number: int, worker_id: str, answer_number: int, now: float
) -> int:
    """Stores a new attempt of a trial, in the hands of a worker, and answers its id."""
    values = {"sweep_id": sweep_id, "number": number, "worker_id": worker_id, "answer_number": answer_number}
    result = connection.execute(insert(attempt).values(state=HELD, created_at=now, **values))
    return int(result.inserted_primary_key[0])


def of_worker(connection: Connection, worker_id: str) -> dict[int, Attempt]:
    """The attempts that have not ended, of one worker, by id."""
    query = select(attempt).where(attempt.c.worker_id == worker_id, attempt.c.state != ENDED).order_by(attempt.c.id)
    return {row["id"]: Attempt(**row) for row in connection.execute(query).mappings()}


def open_of_sweep(connection: Connection, sweep_id: str) -> list[Attempt]:
    """The attempts that have not ended, of one sweep."""
    query = select(attempt).where(attempt.c.sweep_id == sweep_id, attempt.c.state != ENDED)
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def of_trials(connection: Connection, sweep_id: str, *, numbers: Iterable[int]) -> list[Attempt]:
    """All attempts of these trials, the ended ones too, in the order of their ids."""
    query = select(attempt).where(attempt.c.sweep_id == sweep_id, attempt.c.number.in_(list(numbers)))
    return [Attempt(**row) for row in connection.execute(query.order_by(attempt.c.id)).mappings()]


def change(connection: Connection, ids: Iterable[int], **values: Any) -> None:
    """Sets columns of these attempts."""
    if wanted := list(ids):
        connection.execute(update(attempt).where(attempt.c.id.in_(wanted)).values(**values))


def end(connection: Connection, ids: Iterable[int], *, how: str, now: float) -> None:
    """Ends these attempts."""
    change(connection, ids, state=ENDED, how=how, ended_at=now)


def num_held(connection: Connection, worker_id: str) -> int:
    """How many attempts the worker holds."""
    query = select(func.count()).where(attempt.c.worker_id == worker_id, attempt.c.state == HELD)
    return connection.execute(query).scalar_one()


def highest_id(connection: Connection) -> int:
    """The highest id given so far, 0 without attempts."""
    return int(connection.execute(select(func.coalesce(func.max(attempt.c.id), 0))).scalar_one())


def all_open(connection: Connection) -> list[Attempt]:
    """All attempts that have not ended."""
    query = select(attempt).where(attempt.c.state != ENDED).order_by(attempt.c.id)
    return [Attempt(**row) for row in connection.execute(query).mappings()]


def get(connection: Connection, attempt_id: int) -> Attempt | None:
    """One attempt."""
    row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).mappings().first()
    return Attempt(**row) if row else None
