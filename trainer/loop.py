"""The engine's loop: stacks in turn, and between any two steps a look at what the source says."""

import logging
import traceback
from collections.abc import Iterable
from time import monotonic, perf_counter

from trainer.config import Assignment
from trainer.endings import diverged, failed, is_out_of_memory, paused
from trainer.errors import CheckpointError
from trainer.keeping import Keeping
from trainer.pauses import Pauses
from trainer.places import Place, Places
from trainer.problem import build_problem
from trainer.report import Answer, EpochReport, Verdict
from trainer.source import Source
from trainer.stack import Stack, Told
from trainer.stacks import Stacks
from trainer.state import State
from trainer.training import Training
from trainer.turns import Turns

BEAT_STEPS = 100
BEAT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class EngineLoop:
    """Trains what the source hands out, at most `slots` rows at a time."""

    def __init__(self, source: Source, *, slots: int, stacks: Stacks, keeping: Keeping, pauses: Pauses) -> None:
        self._source = source
        self._slots = slots
        self._device = stacks.device
        self._keeping = keeping
        self._pauses = pauses
        self._turns = Turns(lambda one, problem, width: stacks.open(one, problem=problem, width=width), slots=slots)
        self._places = Places(self._turns)
        self._num_steps = 0
        self._last_beat = monotonic()

    def run(self) -> None:
        """Until the source is exhausted or draining."""
        while True:
            self._heed_answers()
            if self._source.draining():
                return self._drain()
            more = self._refill()
            stack = self._turns.next(now=monotonic())
            if stack is not None:
                self._advance(stack)
            elif not more:
                return None

    def _refill(self) -> bool:
        """Begin what is handed out; False when nothing will come any more, no awaited answer either."""
        num_free, idle = self._slots - len(self._places), not len(self._places)
        if not num_free:
            return True
        exhausted = self._source.exhausted()
        if idle and exhausted and not self._places.any_waits:
            return False
        assignments = self._source.take(num_free=num_free, wait=idle)
        for assignment in assignments:
            self._begin(assignment)
        return bool(assignments) or not exhausted or self._heed_answers()

    def _begin(self, assignment: Assignment) -> None:
        """Where there is no checkpoint that fits, the training begins anew, and its epochs are the same."""
        self._places.forget(assignment.attempt)
        try:
            try:
                self._place(assignment, state=self._keeping.load(assignment))
            except CheckpointError:
                _log.exception("Attempt %d begins anew", assignment.attempt)
                self._place(assignment, state=None)
        except Exception as error:  # the border around one trial
            self._source.end(failed(assignment, error=error, seconds=0))

    def _place(self, assignment: Assignment, *, state: State | None) -> None:
        files = self._keeping.checkpoints
        problem = build_problem(assignment.problem, metric=assignment.metric, device=self._device, files=files)
        stack = self._turns.stack_for(assignment, problem=problem)
        try:
            training = stack.add(assignment, problem=problem, state=state)
        finally:
            self._places.close_if_empty(stack)
        self._places.take(Place(training, stack, checkpoint_due=monotonic() + self._pauses.checkpoint_seconds))

    def _advance(self, stack: Stack) -> None:
        began = perf_counter()
        try:
            told = stack.advance()
        except Exception as error:  # the border around the rows of one stack
            return self._part(stack, error=error)
        self._turns.spend(stack, seconds=perf_counter() - began)
        for place in self._places.of(stack):
            if not place.started:
                place.started = True
                self._source.started(place.training.assignment.attempt)
        self._beat()
        for one in told:
            self._tell(one)
        if any(one.progress.metrics is not None for one in told):  # what follows before the verdict may be for nothing
            self._turns.end_turn()
        now = monotonic()
        if due := [place for place in self._places.of(stack) if now >= place.checkpoint_due]:
            self._write_checkpoints(due)
        return None

    def _part(self, stack: Stack, *, error: Exception) -> None:
        """Rows that cannot be stepped together are stepped apart: a row that fails alone has failed.

        When memory is out, half as many at a time.
        """
        places = self._places.of(stack)
        if len(places) == 1:
            training = places[0].training
            self._source.end(failed(training.assignment, error=error, seconds=training.seconds))
            return self._places.leave_slot(training, ended=True)
        width = 1
        if is_out_of_memory(error):
            width = (len(places) + 1) // 2
            self._turns.narrow(places[0].training.assignment, width=width)
        _log.warning("%d rows are stepped %d at a time from now on", len(places), width, exc_info=error)
        traceback.clear_frames(error.__traceback__)  # they hold what the update had computed, all of its activations
        self._turns.close(stack)
        states = [stack.state(place.training) for place in places]
        for place in places:  # the memory is needed for the others
            self._places.forget(place.training.assignment.attempt)
        for place, state in zip(places, states, strict=True):
            self._move(place, state=state, width=width)
        return None

    def _move(self, place: Place, *, state: State, width: int) -> None:
        """To another stack; the row goes on where it stands."""
        old, assignment = place.training, place.training.assignment
        open_stack = self._turns.alone if width == 1 else self._turns.stack_for
        try:
            place.stack = open_stack(assignment, problem=old.problem)
            place.training = place.stack.add(assignment, problem=old.problem, state=state)
        except Exception as error:  # the border around one row
            self._source.end(failed(assignment, error=error, seconds=old.seconds))
            return self._places.leave_slot(old, ended=True)
        place.training.seconds, place.training.snapshots = old.seconds, old.snapshots
        return self._places.take(place)

    def _tell(self, told: Told) -> None:
        """Report the epoch that ended, then the divergence or the error; each of them may free the slot."""
        training, progress = told
        assignment, ended = training.assignment, progress.divergence is not None or progress.error is not None
        if progress.metrics is not None:
            if training.snapshots.wants(training.num_epochs) and not ended:
                training.snapshots.add(self._places[assignment.attempt].stack.state(training))
            self._source.report(
                EpochReport(
                    attempt=assignment.attempt,
                    epoch=training.num_epochs,
                    metrics=progress.metrics,
                    seconds=training.seconds,
                    last=training.completed,
                )
            )
        if progress.divergence is not None:
            self._source.end(diverged(training, reason=progress.divergence))
        if progress.error is not None:
            self._source.end(failed(assignment, error=progress.error, seconds=training.seconds))
        if training.completed or ended:
            self._places.leave_slot(training, ended=ended)

    def _heed_answers(self) -> bool:
        """True when there were any."""
        answers = self._source.answers()
        for answer in answers:
            training = self._places.find(answer.attempt)
            if training is not None:
                self._heed(answer, training=training)
        return bool(answers)

    def _heed(self, answer: Answer, *, training: Training) -> None:
        """What the row did after the epoch that a PAUSE or STOP speaks about is thrown away."""
        if answer.verdict is Verdict.PAUSE and answer.epoch is not None:
            self._pause(training, epoch=answer.epoch)
        elif training.completed and answer.epoch == training.num_epochs:
            if answer.keep:
                self._keeping.keep_weights(training)
            self._places.forget(answer.attempt)
        elif answer.verdict is Verdict.STOP:
            self._places.forget(answer.attempt)
        elif answer.epoch is not None:
            training.snapshots.answered(answer.epoch)
            if self._places.has_ended(answer.attempt) and not training.snapshots.unanswered:
                self._places.forget(answer.attempt)

    def _pause(self, training: Training, *, epoch: int) -> None:
        state = training.snapshots.up_to(epoch)
        checkpoint = None if state is None else self._keeping.save(state, of=training.assignment)
        self._source.end(paused(training, epoch=epoch, checkpoint=checkpoint))
        self._places.forget(training.assignment.attempt)

    def _drain(self) -> None:
        self._write_checkpoints(self._places)

    def _write_checkpoints(self, places: Iterable[Place]) -> None:
        self._keeping.write_checkpoints(
            (place.stack.state(place.training), place.training.assignment) for place in places
        )
        for place in places:
            place.checkpoint_due = monotonic() + self._pauses.checkpoint_seconds

    def _beat(self) -> None:
        self._num_steps += 1
        now = monotonic()
        if self._num_steps >= BEAT_STEPS or now - self._last_beat >= BEAT_SECONDS:
            self._source.beat(num_steps=self._num_steps)
            self._num_steps, self._last_beat = 0, now
