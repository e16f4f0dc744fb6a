"""What users do to sweeps. All functions work on the desk."""

from typing import Any

from sqlalchemy import Connection

from service.coordination import ranging
from service.coordination.asking import ask, can_propose
from service.coordination.desk import Desk
from service.coordination.endings import call_back, cancel_open_trials, change_sweep_state
from service.coordination.handing import level_with_others
from service.coordination.lifecycle import next_state, refusal
from service.coordination.ordering import invalid
from service.coordination.probing import withdraw_probes
from service.coordination.settling import pending_reason, settle
from service.errors import Conflict, NotFound
from service.records import Sweep, Trial
from service.schemas import Extension
from service.stores import sweeps as sweep_rows
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_SWEEP_STATES, SweepState
from sweeps.wrong import FieldError, InvalidSpec
from trainer.settings import Setting


def create(desk: Desk, sweep_id: str, *, spec: SweepSpec) -> Sweep:
    """A new sweep, its first trials (or its range test) asked: they wait for a worker."""
    sweep = desk.add_sweep(_new_sweep(sweep_id, spec=spec, now=desk.now))
    desk.log(sweep_id, kind="sweep.state", state=sweep.state)
    ranging.begin(desk, sweep)
    desk.change_sweep(sweep_id, reason=pending_reason(desk, desk.sweeps[sweep_id]))
    settle(desk, desk.sweeps[sweep_id])
    return desk.sweeps[sweep_id]


def find(desk: Desk, connection: Connection, *, sweep_id: str) -> Sweep:
    """The sweep, final ones too. Raises NotFound."""
    sweep = desk.sweeps.get(sweep_id) or sweep_rows.get(connection, sweep_id)
    if sweep is None:
        raise NotFound(f"There is no sweep {sweep_id}; GET /v1/sweeps lists them.")
    return sweep


def change(desk: Desk, sweep: Sweep, *, verb: str) -> Sweep:
    """:pause, :resume, :stop or :cancel. Raises Conflict when the state does not allow it."""
    after = _after(verb, sweep)
    if after == sweep.state:
        return sweep
    if verb == "cancel":
        cancel_open_trials(desk, sweep.id, reason="cancelled by a user")
    if sweep.awaits_range_test:
        desk.board.withdraw(sweep.id)
    if verb != "resume":
        withdraw_probes(desk, sweep.id)
    if sweep.awaits_range_test and verb == "resume":
        ranging.begin(desk, sweep)
    if verb == "pause":
        call_back(desk, sweep.id)
    if verb == "resume" and sweep.started_at is not None:
        level_with_others(desk, sweep.id)
        after = SweepState.RUNNING
    change_sweep_state(desk, sweep.id, state=after, reason=f"{verb} by a user" if verb != "resume" else None)
    settle(desk, desk.sweeps[sweep.id])
    return desk.sweeps[sweep.id]


def check_extension(sweep: Sweep, *, by: Extension) -> None:
    """Raises Conflict when the state does not allow it, InvalidRequest when there is nothing to add to."""
    _after("extend", sweep)
    if not by.trials and not by.seconds:
        mend = 'say how many trials or seconds to add, as {"trials": 50}'
        raise invalid((FieldError("trials", "nothing is to be added", mend),))
    if sweep.spec.only_range_test:
        raise Conflict("The sweep is a range test and runs no trials: start one with learning_rate: auto in its space.")
    if by.seconds and sweep.budget_seconds is None:
        fault = "budget.seconds is null: there is no limit in seconds that could be extended"
        raise invalid((FieldError("seconds", fault, "leave it out"),))


def extend(desk: Desk, sweep: Sweep, *, by: Extension) -> Sweep:
    """Adds to the budget what `check_extension` allows; a COMPLETED sweep, on the desk again, is RUNNING again."""
    seconds = None if sweep.budget_seconds is None else sweep.budget_seconds + by.seconds
    desk.change_sweep(sweep.id, budget_trials=sweep.budget_trials + by.trials, budget_seconds=seconds)
    if sweep.state is SweepState.COMPLETED:
        if (broken := desk.searches[sweep.id].failure) is not None:
            raise Conflict(f"The sweep stays as it is: {broken}.")
        level_with_others(desk, sweep.id)
        change_sweep_state(desk, sweep.id, state=SweepState.RUNNING, reason=None)
        settle(desk, desk.sweeps[sweep.id])
    desk.has_work = True
    return desk.sweeps[sweep.id]


def delete(desk: Desk, sweep: Sweep, *, connection: Connection, mlflow_runs: bool) -> None:
    """Removes a final sweep and its files, and asks the recorder to remove its MLflow runs."""
    if sweep.state not in FINAL_SWEEP_STATES:
        raise Conflict(f"The sweep is {sweep.state.value}: :cancel it, then delete it.")
    desk.garbage += sweep_rows.files(connection, sweep.id)
    desk.board.withdraw(sweep.id)
    sweep_rows.remove(connection, sweep.id)
    desk.log(sweep.id, kind="sweep.deleted", state="runs" if mlflow_runs else None)


def try_settings(desk: Desk, sweep: Sweep, *, settings: dict[str, Setting]) -> Trial:
    """A trial of these settings, to be run next; what they leave out is sampled.

    Raises Conflict beyond the budget, InvalidRequest for settings outside the space.
    """
    if sweep.state not in (SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED):
        raise Conflict(f"The sweep is {sweep.state.value}: it takes no new trials. :extend a COMPLETED one first.")
    try:
        trial = ask(desk, sweep, fixed=settings) if can_propose(desk, sweep) else None
    except InvalidSpec as error:
        raise invalid(error.errors) from error
    if trial is None:
        raise Conflict(_no_trial_words(desk, sweep))
    return trial


def _no_trial_words(desk: Desk, sweep: Sweep) -> str:
    if sweep.awaits_range_test:
        return "The bounds of the learning rate are not known yet; try again when the range test is done."
    if (broken := desk.searches[sweep.id].failure) is not None:
        return f"The sweep ends: {broken}."
    if desk.num_trials[sweep.id] < sweep.budget_trials:
        return "Every point of the grid was tried, or these settings are none of its points; start a new sweep."
    return f"All {sweep.budget_trials} trials of the budget are used; :extend the sweep first."


def _after(verb: str, sweep: Sweep) -> SweepState:
    after = next_state(verb, state=sweep.state)
    if after is None:
        raise Conflict(refusal(verb, state=sweep.state))
    return after


def _new_sweep(sweep_id: str, *, spec: SweepSpec, now: float) -> Sweep:
    values: dict[str, Any] = dict.fromkeys(
        ("running_since", "best_number", "best_value", "started_at", "ended_at", "reason")
    )
    assert spec.name is not None
    return Sweep(
        id=sweep_id,
        position=0,
        name=spec.name,
        state=SweepState.PENDING,
        spec=spec,
        budget_trials=spec.budget.trials,
        budget_seconds=spec.budget.seconds,
        seconds_spent=0.0,
        trials_finished=0,
        failed_trials=0,
        consecutive_failures=0,
        study_attrs={},
        range_test=None,
        export=None,
        created_at=now,
        **values,
    )
