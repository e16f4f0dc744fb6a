"""Workers in the database."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, func, literal, select, tuple_, update

from service.records import Worker
from service.tables import worker

ALIVE, BENCHED, GONE = "ALIVE", "BENCHED", "GONE"


def get(connection: Connection, worker_id: str) -> Worker | None:
    """One worker."""
    row = connection.execute(select(worker).where(worker.c.id == worker_id)).mappings().first()
    return _record(row) if row else None


def here(connection: Connection) -> list[Worker]:
    """The workers that are not gone, benched ones too."""
    query = select(worker).where(worker.c.state != GONE).order_by(worker.c.created_at, worker.c.id)
    return [_record(row) for row in connection.execute(query).mappings()]


def page(
    connection: Connection, *, before: tuple[float, str] | None, states: Iterable[str], limit: int
) -> list[Worker]:
    """Workers in one of these states from the newest down: those older than this time (and id, where it is theirs)."""
    query = select(worker).where(worker.c.state.in_(list(states)))
    if before is not None:
        query = query.where(tuple_(worker.c.created_at, worker.c.id) < tuple_(literal(before[0]), literal(before[1])))
    query = query.order_by(worker.c.created_at.desc(), worker.c.id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query).mappings()]


def extend_leases(connection: Connection, *, until: float, ids: Iterable[str] | None = None) -> None:
    """No lease of a worker that is here ends before `until`."""
    query = update(worker).where(worker.c.state != GONE, worker.c.lease_until < until).values(lease_until=until)
    connection.execute(query if ids is None else query.where(worker.c.id.in_(list(ids))))


def _record(row: RowMapping) -> Worker:
    return Worker(**{**row, "failed_row": tuple(row["failed_row"]), "problems": tuple(row["problems"])})


def latest_lease(connection: Connection) -> float:
    """When the last lease ends or ended, 0 without workers."""
    return float(connection.execute(select(func.max(worker.c.lease_until))).scalar() or 0.0)
