"""Sweeps in the database."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from service.records import ModelExport, Sweep, bounded
from service.tables import attempt, engines, epoch, event, idempotency, sweep, trial
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState
from trainer.task import RangeCurve

_EXPORTED = sweep.c.export["file"]["sha256"].as_string()


def add(connection: Connection, new: Sweep) -> None:
    """Stores a new sweep; its position is given here."""
    values = {column.name: getattr(new, column.name) for column in sweep.columns}
    for name in ("spec", "range_test", "export"):
        value = getattr(new, name)
        values[name] = value.model_dump(mode="json", by_alias=True) if value is not None else None
    values["position"] = select(func.coalesce(func.max(sweep.c.position), 0) + 1).scalar_subquery()
    connection.execute(insert(sweep).values(**values))


def get(connection: Connection, sweep_id: str) -> Sweep | None:
    """The sweep of this id."""
    row = connection.execute(select(sweep).where(sweep.c.id == sweep_id)).mappings().first()
    return _record(row) if row else None


def change(connection: Connection, sweep_id: str, **values: Any) -> None:
    """Sets columns of one sweep."""
    connection.execute(update(sweep).where(sweep.c.id == sweep_id).values(**values))


def page(connection: Connection, *, before: int | None, states: Iterable[str], limit: int) -> list[Sweep]:
    """Sweeps from the newest down: those of a position under `before`, in one of `states` (none given: in any)."""
    query = select(sweep).order_by(sweep.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(sweep.c.position < before)
    if wanted := list(states):
        query = query.where(sweep.c.state.in_(wanted))
    return [_record(row) for row in connection.execute(query).mappings()]


def unfinished(connection: Connection) -> list[Sweep]:
    """All sweeps that are not in a final state, the oldest first."""
    final = [state.value for state in FINAL_SWEEP_STATES]
    query = select(sweep).where(sweep.c.state.not_in(final)).order_by(sweep.c.position)
    return [_record(row) for row in connection.execute(query).mappings()]


def of_dataset(connection: Connection, name: str) -> list[str]:
    """The ids of the sweeps that train on the data set of this name, final ones too, the oldest first."""
    used = sweep.c.spec["problem"]["dataset"].as_string()
    return list(connection.execute(select(sweep.c.id).where(used == name).order_by(sweep.c.position)).scalars())


def state_counts(connection: Connection) -> dict[SweepState, int]:
    """How many sweeps are in each state."""
    rows = connection.execute(select(sweep.c.state, func.count()).group_by(sweep.c.state))
    return {SweepState(state): count for state, count in rows}


def trial_counts(connection: Connection, sweep_ids: Iterable[str]) -> dict[str, dict[TrialState, int]]:
    """How many trials of each of these sweeps are in each state."""
    wanted = list(sweep_ids)
    query = select(trial.c.sweep_id, trial.c.state, func.count()).where(trial.c.sweep_id.in_(wanted))
    counts: dict[str, dict[TrialState, int]] = {sweep_id: {} for sweep_id in wanted}
    for sweep_id, state, count in connection.execute(query.group_by(trial.c.sweep_id, trial.c.state)):
        counts[sweep_id][TrialState(state)] = count
    return counts


def remove(connection: Connection, sweep_id: str) -> None:
    """Deletes the sweep and all that hangs on it but its MLflow runs: the recorder forgets those (events.DELETED)."""
    connection.execute(delete(sweep).where(sweep.c.id == sweep_id))
    for table in (trial, attempt, engines, epoch, event, idempotency):
        connection.execute(delete(table).where(table.c.sweep_id == sweep_id))


def _record(row: RowMapping) -> Sweep:
    values = dict(row)
    values["state"] = SweepState(row["state"])
    values["spec"] = SweepSpec.model_validate(row["spec"])
    if row["range_test"] is not None:
        values["range_test"] = RangeCurve.model_validate(row["range_test"])
        values["spec"] = bounded(values["spec"], by=values["range_test"])
    values["export"] = ModelExport.model_validate(row["export"]) if row["export"] else None
    return Sweep(**values)


def files(connection: Connection, sweep_id: str) -> list[str]:
    """The hashes of the checkpoints and weights of a sweep's trials, and of its exported winner."""
    query = select(trial.c.checkpoint, trial.c.weights).where(trial.c.sweep_id == sweep_id)
    of_trials = [ref["sha256"] for row in connection.execute(query) for ref in row if ref is not None]
    exported = select(_EXPORTED).where(sweep.c.id == sweep_id, _EXPORTED.is_not(None))
    return of_trials + list(connection.execute(exported).scalars())


def named_files(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Which of these files some sweep names as its exported winner."""
    wanted = set(hashes)
    return set(connection.execute(select(_EXPORTED).where(_EXPORTED.in_(wanted))).scalars()) if wanted else set()


def waiting_for_export(connection: Connection) -> list[Sweep]:
    """The sweeps whose winner waits to be exported, the oldest first."""
    waiting = sweep.c.export["state"].as_string() == "WAITING"
    return [
        _record(row) for row in connection.execute(select(sweep).where(waiting).order_by(sweep.c.position)).mappings()
    ]


def highest_position(connection: Connection) -> int:
    """The highest position given so far, 0 without sweeps."""
    return int(connection.execute(select(func.coalesce(func.max(sweep.c.position), 0))).scalar_one())


def all_trial_counts(connection: Connection) -> dict[TrialState, int]:
    """How many trials of all sweeps are in each state."""
    rows = connection.execute(select(trial.c.state, func.count()).group_by(trial.c.state))
    return {TrialState(state): count for state, count in rows}


def forgive_seconds(connection: Connection, seconds: float) -> None:
    """Sweeps in RUNNING have not spent these seconds: there was no service."""
    later = sweep.c.running_since + seconds
    connection.execute(update(sweep).where(sweep.c.running_since.is_not(None)).values(running_since=later))
