"""Which files are kept: the weights of the best `keep.weights` trials of a sweep, and all that some row names."""

from collections.abc import Iterable

from sqlalchemy import Connection

from service.coordination.desk import Desk
from service.stores import attempts as attempt_rows
from service.stores import datasets as dataset_rows
from service.stores import sweeps as sweep_rows
from service.stores import trials as trial_rows
from trainer.report import WeightsNote


def keep_weights(desk: Desk, connection: Connection, *, notes: Iterable[WeightsNote], worker_id: str) -> None:
    """Stores which files hold weights; those that are not among the best any more are garbage."""
    for note in notes:
        attempt = attempt_rows.get(connection, note.attempt)
        if attempt is None or attempt.worker_id != worker_id:
            desk.garbage.append(note.weights.sha256)
            continue
        weights = note.weights.model_dump()
        trial_rows.change(connection, attempt.sweep_id, number=attempt.number, weights=weights)
        desk.garbage += _drop_the_rest(connection, attempt.sweep_id)
        desk.to_export.add(attempt.sweep_id)


def named_files(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Which of these files are still needed."""
    wanted = set(hashes)
    named = (rows.named_files(connection, wanted) for rows in (trial_rows, sweep_rows, dataset_rows))
    return set().union(*named)


def _drop_the_rest(connection: Connection, sweep_id: str) -> list[str]:
    sweep = sweep_rows.get(connection, sweep_id)
    assert sweep is not None
    sign = -1 if sweep.spec.goal_metric.goal == "maximize" else 1
    kept = trial_rows.with_weights(connection, sweep_id)
    # Of equals the best is the one that was there first, whatever its number: it is the answer, and must be kept.
    kept.sort(key=lambda one: (sign * (one.value or 0.0), one.number != sweep.best_number, one.number))
    dropped = []
    for trial in kept[sweep.spec.keep.weights :]:
        trial_rows.change(connection, sweep_id, number=trial.number, weights=None)
        if trial.weights is not None:
            dropped.append(trial.weights.sha256)
    return dropped
