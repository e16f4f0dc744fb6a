"""New trials, asked of the search as far as the budget allows. All functions work on the desk."""

import hashlib

from service.coordination.desk import Desk
from service.records import Sweep, Trial
from sweeps.records import Proposal
from sweeps.states import TrialState
from trainer.settings import Setting

MAX_SEED = 2**53  # a seed must survive JSON readers that know only floats


def seconds_left(desk: Desk, sweep: Sweep) -> float:
    """Wall seconds that the sweep may still spend in RUNNING; infinity without such a budget."""
    if sweep.budget_seconds is None:
        return float("inf")
    return sweep.budget_seconds - sweep.seconds_running(now=desk.now)


def can_propose(desk: Desk, sweep: Sweep) -> bool:
    """Whether the budget allows new trials, and the search has any."""
    if seconds_left(desk, sweep) <= 0 or sweep.id in desk.exhausted or sweep.awaits_range_test:
        return False
    return desk.num_trials[sweep.id] < sweep.budget_trials


def ask(desk: Desk, sweep: Sweep, *, fixed: dict[str, Setting] | None = None) -> Trial | None:
    """Asks the search for a new trial and puts it on the desk; None when it has no more."""
    proposal = desk.searches[sweep.id].propose(fixed)
    if proposal is None and fixed is None:
        desk.exhausted.add(sweep.id)
    if proposal is None:
        return None
    desk.change_sweep(sweep.id, study_attrs=proposal.study_attrs)
    return desk.add_trial(_new_trial(sweep, proposal))


def trial_seed(seed: int, *, number: int) -> int:
    """The seed of trial `number` in a sweep of this seed."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_SEED


def _new_trial(sweep: Sweep, proposal: Proposal) -> Trial:
    return Trial(
        sweep_id=sweep.id,
        number=proposal.number,
        state=TrialState.WAITING,
        settings=proposal.settings,
        value=None,
        best_epoch=None,
        seed=trial_seed(sweep.spec.seed, number=proposal.number),
        num_epochs=0,
        attempts=0,
        blamed_attempts=0,
        outside_deaths=0,
        seconds=0.0,
        engine=None,
        worker=None,
        reason=None,
        checkpoint=None,
        weights=None,
        attrs=proposal.attrs,
        tell_number=None,
        started_at=None,
        ended_at=None,
    )
