"""The event log in the database. Its ids are in the order of commits (see Database.write)."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from service.records import Event
from service.stores import rows
from service.tables import event

DELETED = "sweep.deleted"  # the kind of the one event that outlives a sweep, for the recorder alone
WITH_RUNS = "runs"  # its state when the sweep's MLflow runs go too


def add(connection: Connection, new: Sequence[Event]) -> None:
    """Appends events; their ids are given by the database, in this order."""
    rows.insert_all(connection, event, records=new, given=frozenset({"id"}))


def after(connection: Connection, event_id: int, *, limit: int, sweep_id: str | None = None) -> list[Event]:
    """The next events above an id, of one sweep or of all."""
    query = select(event).where(event.c.id > event_id).order_by(event.c.id).limit(limit)
    if sweep_id is not None:
        query = query.where(event.c.sweep_id == sweep_id, event.c.kind != DELETED)
    return [Event(*row) for row in connection.execute(query)]


def count_after(connection: Connection, event_id: int, *, sweep_id: str) -> int:
    """How many events of a sweep lie above an id."""
    query = select(func.count()).where(event.c.sweep_id == sweep_id, event.c.id > event_id)
    return int(connection.execute(query).scalar_one())


def latest_id(connection: Connection) -> int:
    """The highest id given so far, 0 without events."""
    return int(connection.execute(select(func.coalesce(func.max(event.c.id), 0))).scalar_one())


def latest_at(connection: Connection) -> float:
    """When the latest event was, 0 without events."""
    latest = select(func.max(event.c.id)).scalar_subquery()
    return float(connection.execute(select(event.c.at).where(event.c.id == latest)).scalar() or 0.0)
