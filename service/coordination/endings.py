"""How trials and sweeps end: the one place that makes them final. All functions work on the desk."""

import math

from service.coordination import blame
from service.coordination.blame import Blame
from service.coordination.desk import Desk
from service.coordination.probing import withdraw_probes
from service.records import Attempt, Sweep, Trial, TrialKey
from service.stores import attempts as attempt_rows
from service.stores import workers as worker_rows
from sweeps.states import SweepState, TrialState


def end_trial(desk: Desk, key: TrialKey, *, state: TrialState, reason: str | None = None) -> None:
    """Makes a trial final, tells the search, and counts it."""
    sweep_id, number = key
    told = desk.searches[sweep_id].tell(number, state=state, values=desk.values[key])
    of_trial = {} if told is None else {"attrs": told.attrs, "tell_number": told.tell_number}
    of_study = {} if told is None else {"study_attrs": told.study_attrs}
    trial = desk.change_trial(key, state=state, reason=reason, ended_at=desk.now, checkpoint=None, **of_trial)
    sweep = desk.sweeps[sweep_id]
    failed = state is TrialState.FAILED
    desk.change_sweep(
        sweep_id,
        trials_finished=sweep.trials_finished + 1,
        failed_trials=sweep.failed_trials + failed,
        consecutive_failures=sweep.consecutive_failures + 1 if failed else 0,
        **of_study,
    )
    if state is TrialState.COMPLETED:
        _consider_best(desk, trial)


def end_attempt(desk: Desk, attempt: Attempt, *, how: str, seconds: float | None = None) -> None:
    """Ends an attempt; its training time goes to the trial and to the sweep's share."""
    spent = attempt.seconds if seconds is None else seconds
    count_seconds(desk, attempt, seconds=spent)
    desk.change_attempt(attempt.id, state=attempt_rows.ENDED, how=how, ended_at=desk.now)
    desk.has_work = True  # one less in flight: somebody who waits may be handed more
    key = attempt.key
    if key in desk.trials:
        desk.change_trial(key, seconds=desk.trials[key].seconds + spent)
    if attempt.started and attempt.sweep_id in desk.sweeps:
        service = desk.service[attempt.sweep_id]
        service.num_ended += 1
        service.ended_seconds += spent


def count_seconds(desk: Desk, attempt: Attempt, *, seconds: float) -> None:
    """An attempt has trained for this long so far."""
    current = desk.attempts[attempt.id]
    if seconds > current.seconds:
        if attempt.sweep_id in desk.sweeps:
            desk.service[attempt.sweep_id].worker_seconds += seconds - current.seconds
        desk.advance_attempt(current, seconds=seconds)


def lose_attempt(desk: Desk, attempt: Attempt, *, verdict: Blame) -> None:
    """An attempt died. Its trial waits for another one, or is FAILED when that was one too many."""
    key = attempt.key
    was_held = attempt.state == attempt_rows.HELD
    end_attempt(desk, attempt, how=verdict.how)
    trial = desk.open_trial(key)
    if trial is not None and attempt.started:
        note_death(desk, key, worker_id=attempt.worker_id, how=verdict.how)
    if not was_held or trial is None:  # stopped, or paused: only its checkpoint is lost, an older one will do
        return
    if not attempt.started:
        give_back(desk, key)
        return
    blamed = trial.blamed_attempts + verdict.counts
    outside = trial.outside_deaths + (not verdict.counts)
    desk.change_trial(key, blamed_attempts=blamed, outside_deaths=outside)
    limits = desk.sweeps[attempt.sweep_id].spec.limits
    reason = blame.final_reason(
        blamed_attempts=blamed, outside_deaths=outside, max_attempts=limits.attempts, reason=verdict.reason
    )
    if reason is not None:
        end_trial(desk, key, state=TrialState.FAILED, reason=reason)
    else:
        desk.change_trial(key, state=TrialState.WAITING, attempts=trial.attempts + 1, worker=None)


def note_death(desk: Desk, key: TrialKey, *, worker_id: str, how: str) -> None:
    """What the death of an attempt says of where its trial runs next, and with whom."""
    if blame.tells_of_worker(how):
        desk.tried[key].add(worker_id)
    if blame.is_suspect(how):
        desk.suspects.add(key)


def give_back(desk: Desk, key: TrialKey) -> None:
    """A trial that nobody trains any more waits again, free of charge."""
    if desk.trials[key].state is TrialState.RUNNING:
        desk.change_trial(key, state=TrialState.WAITING, worker=None)
    desk.has_work = True


def cancel_open_trials(desk: Desk, sweep_id: str, *, reason: str) -> None:
    """All trials of the sweep that are not final end now as CANCELLED; who holds one is told to stop."""
    for attempt in desk.held(sweep_id):
        desk.change_attempt(attempt.id, state=attempt_rows.STOPPING)
    for trial in desk.open_trials(sweep_id, TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED):
        end_trial(desk, trial.key, state=TrialState.CANCELLED, reason=reason)


def call_back(desk: Desk, sweep_id: str) -> None:
    """No trial that has not begun may begin now: what was handed out ahead is taken from the workers again."""
    for attempt in desk.held(sweep_id):
        if attempt.state == attempt_rows.HELD and not attempt.started:
            desk.change_attempt(attempt.id, state=attempt_rows.STOPPING)


def cancel_waiting(desk: Desk, trial: Trial, *, reason: str) -> None:
    """Ends a trial that waits; a worker that may still have it, by a lease that ended, is told to stop."""
    attempt = desk.attempt_of(trial.key)
    if attempt is not None:
        desk.change_attempt(attempt.id, state=attempt_rows.STOPPING)
    end_trial(desk, trial.key, state=TrialState.CANCELLED, reason=reason)


def note_death_on(desk: Desk, worker_id: str, *, key: TrialKey) -> None:
    """A trial died or raised on this worker: the latest trials that did so one after the other are remembered."""
    worker = desk.workers.get(worker_id)
    if worker is not None:
        name = trial_name(key)
        row = (*(one for one in worker.failed_row if one != name), name)
        desk.change_worker(worker_id, failed_row=row[-10:])


def note_success_on(desk: Desk, worker_id: str, *, key: TrialKey) -> None:
    """A trial ended well here: a worker on which it and two others died in a row is sick, and gets nothing more."""
    name = trial_name(key)
    for worker in list(desk.workers.values()):
        if worker.id == worker_id:
            if worker.failed_row:
                desk.change_worker(worker.id, failed_row=())
        elif len(worker.failed_row) >= blame.SICK_AFTER and name in worker.failed_row:
            desk.change_worker(worker.id, state=worker_rows.BENCHED)


def trial_name(key: TrialKey) -> str:
    """`<sweep>/<number>`."""
    return f"{key[0]}/{key[1]}"


def finish_sweep(desk: Desk, sweep_id: str, *, state: SweepState, reason: str) -> None:
    """Makes a sweep final."""
    desk.to_export.add(sweep_id)
    withdraw_probes(desk, sweep_id)
    change_sweep_state(desk, sweep_id, state=state, reason=reason, ended_at=desk.now)


def change_sweep_state(
    desk: Desk, sweep_id: str, *, state: SweepState, reason: str | None, ended_at: float | None = None
) -> Sweep:
    """Changes the state and keeps the clock of the time spent in RUNNING."""
    sweep = desk.sweeps[sweep_id]
    running = state is SweepState.RUNNING
    spent = sweep.seconds_running(now=desk.now)
    since = (sweep.running_since or desk.now) if running else None
    return desk.change_sweep(
        sweep_id,
        state=state,
        reason=reason,
        seconds_spent=sweep.seconds_spent if running else spent,
        running_since=since,
        started_at=sweep.started_at or (desk.now if running else None),
        ended_at=ended_at,
    )


def better(value: float, *, than: float | None, goal: str) -> bool:
    """Whether a value beats another one."""
    if than is None or not math.isfinite(than):
        return True
    return value > than if goal == "maximize" else value < than


def _consider_best(desk: Desk, trial: Trial) -> None:
    sweep = desk.sweeps[trial.sweep_id]
    if trial.value is not None and better(trial.value, than=sweep.best_value, goal=sweep.spec.goal_metric.goal):
        desk.change_sweep(sweep.id, best_number=trial.number, best_value=trial.value)
        desk.log(sweep.id, kind="best", number=trial.number)
