"""The engines of groups of trials in the database."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, select

from service.engine_records import GroupEngine, GroupTraits
from service.tables import engines


def of_sweep(connection: Connection, sweep_id: str) -> list[GroupEngine]:
    """Those of one sweep, in the order in which they were decided."""
    return of_sweeps(connection, [sweep_id])[sweep_id]


def of_sweeps(connection: Connection, sweep_ids: Iterable[str]) -> dict[str, list[GroupEngine]]:
    """Those of each of these sweeps, in the order in which they were decided."""
    found: dict[str, list[GroupEngine]] = {sweep_id: [] for sweep_id in sweep_ids}
    query = select(engines).where(engines.c.sweep_id.in_(list(found)))
    for row in connection.execute(query.order_by(engines.c.decided_at, engines.c.group_id)).mappings():
        found[row["sweep_id"]].append(_record(row))
    return found


def _record(row: RowMapping) -> GroupEngine:
    return GroupEngine(**{**row, "traits": GroupTraits.model_validate(row["traits"])})
