"""Which coordinator owns the database: one row, whose epoch rises with each new owner."""

import time

from sqlalchemy import ColumnElement, Connection, insert, select, update

from service.tables import owner

ROW = 1


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
    return int(connection.execute(select(owner.c.epoch).where(owner.c.id == ROW)).scalar_one())


def epoch_and_time(connection: Connection, *, clock: ColumnElement[float]) -> tuple[int, float]:
    """The epoch of the owner now, and the time now: one journey instead of two."""
    number, seconds = connection.execute(select(owner.c.epoch, clock).where(owner.c.id == ROW)).one()
    return int(number), float(seconds)
