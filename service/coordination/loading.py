"""The desk read from the tables: all that is under way."""

from sqlalchemy import Connection

from service.coordination.desk import Desk
from service.coordination.endings import note_death
from service.coordination.groups import Groups
from service.records import Sweep, Trial
from service.stores import attempts as attempt_rows
from service.stores import engines as engine_rows
from service.stores import epochs as epoch_rows
from service.stores import sweeps as sweep_rows
from service.stores import trials as trial_rows
from service.stores import workers as worker_rows
from sweeps.records import TrialRecord
from sweeps.states import FINAL_TRIAL_STATES, TrialState


def load(desk: Desk, connection: Connection, *, min_attempt: int) -> None:
    """Reads all that is under way from the tables. No new attempt gets an id under `min_attempt`."""
    desk.next_attempt = max(attempt_rows.highest_id(connection) + 1, min_attempt)
    desk.workers = {one.id: one for one in worker_rows.here(connection)}
    desk.next_position = sweep_rows.highest_position(connection) + 1
    for held in attempt_rows.all_open(connection):
        desk.attempts.put(held.id, record=held)
    for one in sweep_rows.unfinished(connection):
        open_sweep(desk, one, connection=connection)


def open_sweep(desk: Desk, opened: Sweep, *, connection: Connection) -> None:
    """Puts a sweep on the desk, its search rebuilt from the tables."""
    every = trial_rows.page(connection, opened.id)
    values = epoch_rows.metric_values(connection, opened.id, metric=opened.spec.goal_metric.name)
    records = [_trial_record(one, values.get(one.number, {})) for one in every]
    desk.sweeps[opened.id] = opened
    desk.num_trials[opened.id] = len(every)
    desk.searches[opened.id] = desk.make_search(opened.spec, records=records, study_attrs=opened.study_attrs)
    desk.groups[opened.id] = groups = Groups(
        opened.spec,
        engines=engine_rows.of_sweep(connection, opened.id),
        handed=[one for one in every if one.engine is not None],
    )
    groups.has_report = bool(values)
    completed = [one.value for one in every if one.state is TrialState.COMPLETED and one.value is not None]
    completed.sort(reverse=opened.spec.goal_metric.goal == "maximize")
    desk.best_values[opened.id] = completed[: opened.spec.keep.weights]
    for one in every:
        if one.state not in FINAL_TRIAL_STATES:
            desk.trials.put(one.key, record=one)
            desk.values[opened.id, one.number] = values.get(one.number, {})
    _note_tries(desk, opened.id, connection=connection)


def _note_tries(desk: Desk, sweep_id: str, *, connection: Connection) -> None:
    """Where its open trials died before, and which of them have not left a child alive since."""
    numbers = [one.number for state in TrialState for one in desk.trials.under((sweep_id, state))]
    for past in attempt_rows.of_trials(connection, sweep_id, numbers=numbers):
        key = (sweep_id, past.number)
        if past.how == attempt_rows.PAUSED:
            desk.suspects.discard(key)
        elif past.started and past.how not in (None, attempt_rows.HANDED_BACK):
            note_death(desk, key, worker_id=past.worker_id, how=past.how)


def _trial_record(one: Trial, values: dict[int, float | None]) -> TrialRecord:
    return TrialRecord(one.number, one.state, one.settings, values, one.attrs, one.tell_number)
