"""Range tests: a sweep with `learning_rate: auto` proposes nothing before its bounds are known.

What is wanted follows from the sweep's row (`awaits_range_test`), so another coordinator goes on with it; the board
holds the tasks. Functions work on the desk.
"""

from sqlalchemy import Connection

from service.coordination.asking import ask, trial_seed
from service.coordination.desk import Desk
from service.coordination.endings import finish_sweep
from service.coordination.tasks import TaskBoard
from service.records import Sweep, bounded
from service.stores import sweeps as sweep_rows
from sweeps.range_testing import tested_settings
from sweeps.spec import first_settings
from sweeps.states import SweepState
from trainer.model_settings import trained_by
from trainer.task import RangeCurve, RangeTest, TaskResult

NO_TRIAL = -1
"""Stands for the trial's number in the ticket of a range test."""


def begin(desk: Desk, sweep: Sweep) -> None:
    """The range test that the sweep awaits is wanted; without one its first trials are asked."""
    if sweep.awaits_range_test:
        _want(desk.board, sweep, now=desk.now)
    else:
        for settings in first_settings(sweep.spec)[: sweep.spec.budget.trials]:
            ask(desk, desk.sweeps[sweep.id], fixed=settings)
    desk.has_work = True


def resume(connection: Connection, *, board: TaskBoard, now: float) -> None:
    """A new coordinator asks again for what its predecessor waited for."""
    for sweep in sweep_rows.unfinished(connection):
        if sweep.awaits_range_test and sweep.state is not SweepState.PAUSED:
            _want(board, sweep, now=now)


def end(desk: Desk, sweep_id: str, *, result: TaskResult) -> None:
    """The curve is stored and the search begins within its bounds, or the sweep ends."""
    sweep = desk.sweeps.get(sweep_id)
    if sweep is None or not sweep.awaits_range_test:
        return
    if not isinstance(result.value, RangeCurve):
        reason = f"the learning-rate range test failed: {result.error}"
        finish_sweep(desk, sweep_id, state=SweepState.FAILED, reason=reason)
        return
    curve = result.value
    sweep = desk.change_sweep(sweep_id, range_test=curve, spec=bounded(sweep.spec, by=curve))
    if sweep.spec.only_range_test:
        reason = f"range test done: search learning_rate from {curve.low:.2g} to {curve.high:.2g}"
        finish_sweep(desk, sweep_id, state=SweepState.COMPLETED, reason=reason)
        return
    desk.searches[sweep_id] = desk.make_search(sweep.spec, records=(), study_attrs=sweep.study_attrs)
    begin(desk, sweep)


def _want(board: TaskBoard, sweep: Sweep, *, now: float) -> None:
    problem, settings = trained_by(sweep.spec.problem, settings=tested_settings(sweep.spec))
    test = RangeTest(problem=problem, settings=settings, seed=trial_seed(sweep.spec.seed, number=0))
    board.add(test, now=now, of=(sweep.id, NO_TRIAL))
