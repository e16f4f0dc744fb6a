"""What an engine writes to the store of files for the rows it trains, and tells of it."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CheckpointRef
from trainer.errors import CheckpointError
from trainer.report import CheckpointNote, WeightsNote
from trainer.source import Source
from trainer.state import State, as_stored, from_stored
from trainer.training import Training
from trainer.weights import best_weights

WRITERS = 8
"""Files that are written side by side: a disk confirms eight as fast as one, and no more copies are in memory."""

_log = logging.getLogger(__name__)


class Keeping:
    """Checkpoints and best weights. What cannot be written (a full disk) costs time, never a result."""

    def __init__(self, source: Source, *, checkpoints: CheckpointStore) -> None:
        self._source = source
        self.checkpoints = checkpoints

    def load(self, assignment: Assignment) -> State | None:
        """Where the assignment goes on; None: at its start. CheckpointError where its checkpoint does not fit it."""
        if assignment.checkpoint is None:
            return None
        return from_stored(self.checkpoints.load(assignment.checkpoint), of=assignment)

    def save(self, state: State, *, of: Assignment) -> CheckpointRef | None:
        """The checkpoint; None where it could not be written."""
        try:
            return self.checkpoints.save(as_stored(state, of=of), epoch=state.counters.epoch)
        except CheckpointError:
            _log.exception("Attempt %d goes without this checkpoint", of.attempt)
            return None

    def write_checkpoints(self, rows: Iterable[tuple[State, Assignment]]) -> None:
        """Write checkpoints of rows in training, and say so of each few as soon as these are there."""
        coming = iter(rows)
        with ThreadPoolExecutor(WRITERS) as writers:
            while some := list(islice(coming, WRITERS)):
                self._write(some, writers=writers)

    def _write(self, rows: Sequence[tuple[State, Assignment]], *, writers: ThreadPoolExecutor) -> None:
        checkpoints = writers.map(lambda row: self.save(row[0], of=row[1]), rows)
        for (_, of), checkpoint in zip(rows, checkpoints, strict=True):
            if checkpoint is not None:
                self._source.checkpointed(CheckpointNote(attempt=of.attempt, checkpoint=checkpoint))

    def keep_weights(self, training: Training) -> None:
        """Put the weights of its best epoch to the store, and say so."""
        best = best_weights(training)
        if best is None:
            return
        stored, epoch = best
        attempt = training.assignment.attempt
        try:
            weights = self.checkpoints.save(stored, epoch=epoch)
        except CheckpointError:
            _log.exception("The weights of attempt %d are lost", attempt)
        else:
            self._source.weights(WeightsNote(attempt=attempt, weights=weights))
