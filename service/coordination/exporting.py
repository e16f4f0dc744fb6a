"""Exports of winners: wanted when a sweep has ended and its best trial's weights are there, noted when they come.

What is wanted stands in the sweep's row, so that another coordinator goes on with it; the board holds the tasks.
"""

from sqlalchemy import Connection

from service.coordination.desk import Desk
from service.coordination.tasks import MAX_TRIES, TaskBoard
from service.records import ModelExport, Sweep, Trial, TrialKey
from service.stores import sweeps as sweep_rows
from service.stores import trials as trial_rows
from sweeps.states import SweepState
from trainer.model_settings import folded
from trainer.task import Export, Exported, TaskResult

ENDS_WITH_A_WINNER = (SweepState.COMPLETED, SweepState.STOPPED)


def begin_exports(desk: Desk, connection: Connection) -> None:
    """Of the sweeps that ended, or whose weights came, in this step: the exports that they lack are wanted now."""
    for sweep_id in desk.to_export:
        sweep = desk.sweeps.get(sweep_id) or sweep_rows.get(connection, sweep_id)
        winner = _winner(connection, sweep) if sweep is not None else None
        if sweep is None or winner is None or _is_under_way(sweep, winner=winner):
            continue
        if sweep.export is not None and sweep.export.file is not None:
            desk.garbage.append(sweep.export.file.sha256)
        _note(desk, connection, sweep=sweep, export=ModelExport(state="WAITING", trial=winner.number))
        desk.board.withdraw(sweep_id)
        _ask(desk.board, sweep, winner=winner, now=desk.now)
        desk.has_work = True
    desk.to_export.clear()


def resume_exports(connection: Connection, *, board: TaskBoard, now: float) -> None:
    """A new coordinator asks again for what its predecessor waited for."""
    for sweep in sweep_rows.waiting_for_export(connection):
        assert sweep.export is not None
        trial = trial_rows.get(connection, sweep.id, number=sweep.export.trial)
        if trial is not None and trial.weights is not None:
            _ask(board, sweep, winner=trial, now=now)


def end_export(desk: Desk, connection: Connection, *, of: TrialKey, result: TaskResult) -> None:
    """Stores how the export of this trial ended, if its sweep still waits for it."""
    sweep_id, number = of
    sweep = desk.sweeps.get(sweep_id) or sweep_rows.get(connection, sweep_id)
    if sweep is not None and sweep.export == ModelExport(state="WAITING", trial=number):
        _note(desk, connection, sweep=sweep, export=_ended(result, trial=number))


def _ended(result: TaskResult, *, trial: int) -> ModelExport:
    if isinstance(result.value, Exported):
        return ModelExport(state="READY", trial=trial, file=result.value.file)
    return ModelExport(state="FAILED", trial=trial, reason=f"{result.error} (try {MAX_TRIES} of {MAX_TRIES})")


def _winner(connection: Connection, sweep: Sweep) -> Trial | None:
    """The best trial of a sweep that has ended, if its weights are there."""
    if sweep.state not in ENDS_WITH_A_WINNER or sweep.best_number is None:
        return None
    best = trial_rows.get(connection, sweep.id, number=sweep.best_number)
    return best if best is not None and best.weights is not None else None


def _is_under_way(sweep: Sweep, *, winner: Trial) -> bool:
    """One that failed is tried anew when the sweep ends anew."""
    return sweep.export is not None and sweep.export.trial == winner.number and sweep.export.state != "FAILED"


def _ask(board: TaskBoard, sweep: Sweep, *, winner: Trial, now: float) -> None:
    assert winner.weights is not None
    problem = folded(sweep.spec.problem, settings=winner.settings)
    board.add(Export(problem=problem, weights=winner.weights), now=now, of=winner.key)


def _note(desk: Desk, connection: Connection, *, sweep: Sweep, export: ModelExport) -> None:
    if sweep.id in desk.sweeps:
        desk.change_sweep(sweep.id, export=export)
    else:
        sweep_rows.change(connection, sweep.id, export=export.model_dump(mode="json"))
    desk.log(sweep.id, kind="sweep.export", number=export.trial, state=export.state)
