"""Which coordinator owns the database: one row, whose epoch rises with each new owner."""

import time
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, insert, select, update

from service.tables import owner

ROW = 1
_EPOCH = select(owner.c.epoch).where(owner.c.id == ROW)


def take(connection: Connection) -> int:
    """Makes the caller the owner and answers its epoch."""
    current = connection.execute(select(owner.c.epoch).where(owner.c.id == ROW)).scalar()
    if current is None:
        connection.execute(insert(owner).values(id=ROW, epoch=1, taken_at=time.time()))
        return 1
    connection.execute(update(owner).where(owner.c.id == ROW).values(epoch=current + 1, taken_at=time.time()))
    return int(current) + 1


def epoch(connection: Connection) -> int:
    """The epoch of the owner now."""
    return int(connection.execute(_EPOCH).scalar_one())


def epoch_and_time(connection: Connection, *, clock: ColumnElement[float]) -> tuple[int, float]:
    """The epoch of the owner now, and the time now: one journey instead of two. Each transaction begins with it."""
    known = clock.effective_value if isinstance(clock, BindParameter) else None
    if known is not None:
        return epoch(connection), known
    row = connection.execute(_with_time(clock)).one()
    return int(row[0]), float(row[1])


@lru_cache(maxsize=4)
def _with_time(clock: ColumnElement[float]) -> Select[Any]:
    return select(owner.c.epoch, clock).where(owner.c.id == ROW)
