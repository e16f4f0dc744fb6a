"""The serial engine: one trial after the other, and between any two updates a look at what the source says."""

import logging
import traceback
from time import monotonic
from typing import Literal

import torch

from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CheckpointRef
from trainer.errors import CheckpointError
from trainer.own.discovery import blamed_line
from trainer.problem import build_problem
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote
from trainer.row import Progress, Row
from trainer.source import Source
from trainer.state import State, as_stored, from_stored
from trainer.weights import best_weights

BEAT_STEPS = 100
BEAT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class SerialEngine:
    """Trains what the source hands out. A row that left its slot waits while an answer about it may still come."""

    def __init__(
        self, source: Source, *, device: torch.device, checkpoints: CheckpointStore, checkpoint_seconds: float
    ) -> None:
        self._source = source
        self._device = device
        self._checkpoints = checkpoints
        self._checkpoint_seconds = checkpoint_seconds
        self._row: Row | None = None
        self._waiting: dict[int, Row] = {}
        self._ended: set[int] = set()  # of those that wait: their ending was told, only a PAUSE may still come
        self._checkpoint_due = 0.0
        self._num_steps = 0
        self._last_beat = monotonic()

    def run(self) -> None:
        """Until the source is exhausted or draining."""
        while True:
            self._heed_answers()
            if self._source.draining():
                return self._drain()
            if self._row is not None:
                self._advance(self._row)
            elif not self._refill():
                return None

    def _refill(self) -> bool:
        """Begin what is handed out next; False when nothing will come any more, no awaited answer either."""
        exhausted = self._source.exhausted()
        if exhausted and not self._waiting:
            return False
        assignments = self._source.take(num_free=1, wait=True)
        for assignment in assignments:
            self._begin(assignment)
        return self._heed_answers() or bool(assignments) or not exhausted

    def _begin(self, assignment: Assignment) -> None:
        self._waiting.pop(assignment.attempt, None)
        self._ended.discard(assignment.attempt)
        try:
            self._row = self._prepare(assignment)
        except Exception as error:  # the border around one trial
            self._source.end(_failed(assignment, error=error, seconds=0))
        self._checkpoint_due = self._checkpoint_seconds

    def _prepare(self, assignment: Assignment) -> Row:
        """Where there is no checkpoint that fits, the training begins anew, and its epochs are the same."""
        problem = build_problem(
            assignment.problem, metric=assignment.metric, device=self._device, files=self._checkpoints
        )
        if assignment.checkpoint is not None:
            try:
                state = from_stored(self._checkpoints.load(assignment.checkpoint), of=assignment)
                return Row(assignment, problem=problem, device=self._device, state=state)
            except CheckpointError:
                _log.exception("Attempt %d begins anew", assignment.attempt)
        return Row(assignment, problem=problem, device=self._device)

    def _advance(self, row: Row) -> None:
        starts = row.seconds == 0
        try:
            progress = row.advance()
        except Exception as error:  # the border around one trial
            self._source.end(_failed(row.assignment, error=error, seconds=row.seconds))
            self._leave_slot(row, ended=True)
            return
        if starts:
            self._source.started(row.assignment.attempt)
        self._beat()
        self._tell(row, progress)
        if self._row is row and row.seconds >= self._checkpoint_due:
            self._write_checkpoint(row)

    def _tell(self, row: Row, progress: Progress) -> None:
        """Report the epoch that ended, then the divergence; either may free the slot."""
        attempt, diverged = row.assignment.attempt, progress.divergence is not None
        if progress.metrics is not None:
            if row.snapshots.wants(row.num_epochs) and not diverged:
                row.snapshots.add(row.state())
            self._source.report(
                EpochReport(
                    attempt=attempt,
                    epoch=row.num_epochs,
                    metrics=progress.metrics,
                    seconds=row.seconds,
                    last=row.completed,
                )
            )
        if progress.divergence is not None:
            self._source.end(_ending(row, state="DIVERGED", reason=progress.divergence))
        if row.completed or diverged:
            self._leave_slot(row, ended=diverged)

    def _leave_slot(self, row: Row, *, ended: bool) -> None:
        """Free the slot at once; the row waits for the answer to its last report, or for a PAUSE that may come."""
        self._row = None
        if not ended:
            self._waiting[row.assignment.attempt] = row
        elif row.snapshots.unanswered:
            self._waiting[row.assignment.attempt] = row
            self._ended.add(row.assignment.attempt)

    def _forget(self, row: Row) -> None:
        self._waiting.pop(row.assignment.attempt, None)
        self._ended.discard(row.assignment.attempt)
        if self._row is row:
            self._row = None

    def _heed_answers(self) -> bool:
        """True when there were any."""
        answers = self._source.answers()
        for answer in answers:
            in_training = self._row is not None and self._row.assignment.attempt == answer.attempt
            row = self._row if in_training else self._waiting.get(answer.attempt)
            if row is not None:
                self._heed(answer, row=row)
        return bool(answers)

    def _heed(self, answer: Answer, *, row: Row) -> None:
        """What the row did after the epoch that a PAUSE or STOP speaks about is thrown away."""
        if answer.verdict is Verdict.PAUSE and answer.epoch is not None:
            self._pause(row, epoch=answer.epoch)
        elif row.completed and answer.epoch == row.num_epochs:
            if answer.keep:
                self._keep_weights(row)
            self._forget(row)
        elif answer.verdict is Verdict.STOP:
            self._forget(row)
        elif answer.epoch is not None:
            row.snapshots.answered(answer.epoch)
            if row.assignment.attempt in self._ended and not row.snapshots.unanswered:
                self._forget(row)

    def _pause(self, row: Row, *, epoch: int) -> None:
        checkpoint = self._save(row, state=row.snapshots.up_to(epoch))
        reason = f"paused after epoch {epoch}"
        self._source.end(_ending(row, state="PAUSED", reason=reason, checkpoint=checkpoint))
        self._forget(row)

    def _keep_weights(self, row: Row) -> None:
        best = best_weights(row.state(), model=row.model, of=row.assignment)
        if best is None:
            return
        stored, epoch = best
        try:
            weights = self._checkpoints.save(stored, epoch=epoch)
        except CheckpointError:
            _log.exception("The weights of attempt %d are lost", row.assignment.attempt)
        else:
            self._source.weights(WeightsNote(attempt=row.assignment.attempt, weights=weights))

    def _drain(self) -> None:
        if self._row is not None:
            self._write_checkpoint(self._row)

    def _write_checkpoint(self, row: Row) -> None:
        self._checkpoint_due = row.seconds + self._checkpoint_seconds
        checkpoint = self._save(row, state=row.state())
        if checkpoint is not None:
            self._source.checkpointed(CheckpointNote(attempt=row.assignment.attempt, checkpoint=checkpoint))

    def _save(self, row: Row, *, state: State) -> CheckpointRef | None:
        """None where it cannot be written (a full disk): the trial loses time, never its result."""
        try:
            return self._checkpoints.save(as_stored(state, of=row.assignment), epoch=state.counters.epoch)
        except CheckpointError:
            _log.exception("Attempt %d goes without this checkpoint", row.assignment.attempt)
            return None

    def _beat(self) -> None:
        self._num_steps += 1
        now = monotonic()
        if self._num_steps >= BEAT_STEPS or now - self._last_beat >= BEAT_SECONDS:
            self._source.beat(num_steps=self._num_steps)
            self._num_steps, self._last_beat = 0, now


def _ending(
    row: Row, *, state: Literal["DIVERGED", "PAUSED"], reason: str, checkpoint: CheckpointRef | None = None
) -> Ending:
    return Ending(
        attempt=row.assignment.attempt, state=state, reason=reason, seconds=row.seconds, checkpoint=checkpoint
    )


def _failed(assignment: Assignment, *, error: Exception, seconds: float) -> Ending:
    reason = f"{type(error).__name__}: {error}"
    line = blamed_line(error, name=assignment.problem.name) if assignment.problem.plugin is not None else None
    text = "".join(traceback.format_exception(error))
    return Ending(
        attempt=assignment.attempt,
        state="FAILED",
        reason=reason if line is None else f"{reason} ({line})",
        seconds=seconds,
        traceback=text,
    )
