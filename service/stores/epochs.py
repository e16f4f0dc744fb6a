"""Epochs in the database: each epoch of a trial is stored once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from service.records import Epoch
from service.stores import rows
from service.tables import epoch


def add(connection: Connection, new: Sequence[Epoch]) -> None:
    """Stores epochs."""
    rows.insert_all(connection, epoch, records=new)


def page(
    connection: Connection, sweep_id: str, *, number: int, after: int = 0, limit: int | None = None
) -> list[Epoch]:
    """The epochs of one trial in order, those above `after`."""
    query = select(epoch).where(epoch.c.sweep_id == sweep_id, epoch.c.number == number, epoch.c.epoch > after)
    return [_record(row) for row in connection.execute(query.order_by(epoch.c.epoch).limit(limit)).mappings()]


def above(connection: Connection, sweep_id: str, *, after: Mapping[int, int]) -> dict[int, list[Epoch]]:
    """The epochs of several trials in order, by trial: those above the one that `after` names for it."""
    numbers: dict[int, list[int]] = {}
    for number, last in after.items():
        numbers.setdefault(last, []).append(number)
    found: dict[int, list[Epoch]] = {}
    for last, some in numbers.items():
        query = select(epoch).where(epoch.c.sweep_id == sweep_id, epoch.c.number.in_(some), epoch.c.epoch > last)
        for row in connection.execute(query.order_by(epoch.c.number, epoch.c.epoch)):
            found.setdefault(row.number, []).append(Epoch(*row))
    return found


def metric_values(connection: Connection, sweep_id: str, *, metric: str) -> dict[int, dict[int, float | None]]:
    """The values of one metric in the whole sweep: by trial, then by epoch."""
    query = select(epoch.c.number, epoch.c.epoch, epoch.c.metrics).where(epoch.c.sweep_id == sweep_id)
    values: dict[int, dict[int, float | None]] = {}
    for number, count, metrics in connection.execute(query.order_by(epoch.c.number, epoch.c.epoch)):
        values.setdefault(number, {})[count] = metrics.get(metric)
    return values


def _record(row: RowMapping) -> Epoch:
    values: dict[str, Any] = dict(row)
    return Epoch(**values)


def several(
    connection: Connection, sweep_id: str, *, keys: Iterable[tuple[int | None, int | None]]
) -> dict[tuple[int, int], Epoch]:
    """The epochs of these (trial, epoch)."""
    wanted = set(keys)
    numbers = {number for number, _ in wanted}
    query = select(epoch).where(epoch.c.sweep_id == sweep_id, epoch.c.number.in_(numbers))
    found = map(_record, connection.execute(query).mappings()) if numbers else ()
    return {(one.number, one.epoch): one for one in found if (one.number, one.epoch) in wanted}
