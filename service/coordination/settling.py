"""When sweeps end by themselves. All functions work on the desk."""

from service.coordination.announcing import able
from service.coordination.asking import can_propose, seconds_left
from service.coordination.desk import Desk
from service.coordination.endings import cancel_open_trials, cancel_waiting, end_trial, finish_sweep
from service.records import Sweep
from service.stores import workers as worker_rows
from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState


def settle_all(desk: Desk) -> None:
    """Ends every sweep that has nothing left to do."""
    for sweep_id in list(desk.sweeps):
        settle(desk, desk.sweeps[sweep_id])


def settle(desk: Desk, sweep: Sweep) -> None:
    """Ends a sweep that has nothing left to do."""
    if sweep.state is SweepState.CANCELLING:
        if not desk.held(sweep.id):
            finish_sweep(desk, sweep.id, state=SweepState.CANCELLED, reason="cancelled by a user")
    elif sweep.state in FINAL_SWEEP_STATES:  # ended a moment ago, in this very step
        return
    elif failure := _failure(desk, sweep):
        cancel_open_trials(desk, sweep.id, reason="the sweep failed")
        finish_sweep(desk, sweep.id, state=SweepState.FAILED, reason=failure)
    elif sweep.state is SweepState.STOPPING:
        _settle_stopping(desk, sweep)
    elif sweep.state in (SweepState.PENDING, SweepState.RUNNING) and not sweep.awaits_range_test:
        _settle_running(desk, sweep)


def pending_reason(desk: Desk, sweep: Sweep, *, trouble: str | None = None) -> str:
    """Why a sweep that could be handed out is not. `trouble`: why no workers are started."""
    here = [one for one in desk.workers.values() if one.lease_until > desk.now]
    if not here:
        return f"no worker is here yet: {trouble}" if trouble else "no worker is here yet"
    if all(one.state == worker_rows.BENCHED for one in here):
        return "every worker is benched: trials died there that ended well elsewhere; see the workers' logs"
    if not able(desk, sweep).workers:
        return f"no worker here can train {sweep.spec.problem.name}"
    return "the learning-rate range test is under way" if sweep.awaits_range_test else "all workers are busy"


def say_why_pending(desk: Desk, *, trouble: str | None) -> None:
    """Sweeps that wait say why they do now."""
    for sweep in list(desk.sweeps.values()):
        if sweep.state is SweepState.PENDING and sweep.reason != (
            reason := pending_reason(desk, sweep, trouble=trouble)
        ):
            desk.change_sweep(sweep.id, reason=reason)


def _failure(desk: Desk, sweep: Sweep) -> str | None:
    limits = sweep.spec.limits
    if (broken := desk.searches[sweep.id].failure) is not None:
        return broken
    if sweep.failed_trials >= limits.failed_trials:
        return f"{sweep.failed_trials} trials failed (limits.failed_trials)"
    if sweep.consecutive_failures >= limits.consecutive_failures:
        return f"{sweep.consecutive_failures} trials failed one after the other (limits.consecutive_failures)"
    return None


def _settle_stopping(desk: Desk, sweep: Sweep) -> None:
    spent = seconds_left(desk, sweep) <= 0
    for trial in desk.open_trials(sweep.id, TrialState.WAITING):
        if spent or trial.attempts == 0:  # what had begun would finish, if there were time
            cancel_waiting(desk, trial, reason="budget" if spent else "the sweep was stopped")
    if not desk.num_open(sweep.id, TrialState.WAITING, TrialState.RUNNING):
        _prune_paused(desk, sweep)
        finish_sweep(desk, sweep.id, state=SweepState.STOPPED, reason="stopped by a user")


def _settle_running(desk: Desk, sweep: Sweep) -> None:
    spent = seconds_left(desk, sweep) <= 0
    if spent:
        for trial in desk.open_trials(sweep.id, TrialState.WAITING):
            cancel_waiting(desk, trial, reason="budget")
    if can_propose(desk, sweep) or desk.num_open(sweep.id, TrialState.WAITING, TrialState.RUNNING):
        return
    if not spent and (promoted := desk.searches[sweep.id].promote()) is not None:
        desk.change_trial((sweep.id, promoted), state=TrialState.WAITING)
        return
    _prune_paused(desk, sweep)
    reason = "budget.seconds spent" if spent else "budget.trials spent"
    if sweep.id in desk.exhausted:
        reason = "every point of the grid was tried"
    finish_sweep(desk, sweep.id, state=SweepState.COMPLETED, reason=reason)


def _prune_paused(desk: Desk, sweep: Sweep) -> None:
    for trial in desk.open_trials(sweep.id, TrialState.PAUSED):
        end_trial(desk, trial.key, state=TrialState.PRUNED, reason="never promoted")
