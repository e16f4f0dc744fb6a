"""Trials in the database."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from service.records import Trial
from service.tables import trial
from sweeps.states import TrialState
from trainer.config import CheckpointRef


def add(connection: Connection, new: Trial) -> None:
    """Stores a new trial."""
    values = {column.name: getattr(new, column.name) for column in trial.columns}
    connection.execute(insert(trial).values(**values))


def get(connection: Connection, sweep_id: str, *, number: int) -> Trial | None:
    """One trial."""
    found = several(connection, [(sweep_id, number)])
    return found[0] if found else None


def several(connection: Connection, keys: Iterable[tuple[str, int]]) -> list[Trial]:
    """The trials of these (sweep, number), in the order of sweeps and numbers."""
    by_sweep: dict[str, list[int]] = {}
    for sweep_id, number in keys:
        by_sweep.setdefault(sweep_id, []).append(number)
    found: list[Trial] = []
    for sweep_id, numbers in sorted(by_sweep.items()):
        query = select(trial).where(trial.c.sweep_id == sweep_id, trial.c.number.in_(numbers)).order_by(trial.c.number)
        found += [_record(row) for row in connection.execute(query).mappings()]
    return found


def change(connection: Connection, sweep_id: str, *, number: int, **values: Any) -> None:
    """Sets columns of one trial."""
    connection.execute(update(trial).where(trial.c.sweep_id == sweep_id, trial.c.number == number).values(**values))


def page(
    connection: Connection, sweep_id: str, *, after: int = -1, states: Iterable[str] = (), limit: int | None = None
) -> list[Trial]:
    """Trials in the order of their numbers: those above `after`, in one of `states` (none given: in any)."""
    query = select(trial).where(trial.c.sweep_id == sweep_id, trial.c.number > after).order_by(trial.c.number)
    if wanted := list(states):
        query = query.where(trial.c.state.in_(wanted))
    return [_record(row) for row in connection.execute(query.limit(limit)).mappings()]


def _record(row: RowMapping) -> Trial:
    values = dict(row)
    values["state"] = TrialState(row["state"])
    values["checkpoint"] = CheckpointRef.model_validate(row["checkpoint"]) if row["checkpoint"] else None
    values["weights"] = CheckpointRef.model_validate(row["weights"]) if row["weights"] else None
    return Trial(**values)


def with_weights(connection: Connection, sweep_id: str) -> list[Trial]:
    """The trials whose weights are kept, by number."""
    query = select(trial).where(trial.c.sweep_id == sweep_id, trial.c.weights.is_not(None)).order_by(trial.c.number)
    return [one for one in map(_record, connection.execute(query).mappings()) if one.weights is not None]


def named_files(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Which of these files some trial still names: trials of the same seed and settings share theirs."""
    wanted = set(hashes)
    if not wanted:
        return set()
    named: set[str] = set()
    for column in (trial.c.checkpoint, trial.c.weights):
        sha256 = column["sha256"].as_string()
        query = select(sha256).where(column.is_not(None), sha256.in_(wanted))
        named.update(connection.execute(query).scalars())
    return named
