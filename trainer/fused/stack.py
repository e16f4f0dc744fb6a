"""The fused engine: the trials of a group as one stacked model, a row for each."""

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor

from trainer.config import Assignment
from trainer.endings import is_out_of_memory
from trainer.fused.ahead import Ahead
from trainer.fused.copies import Copies
from trainer.fused.masks import Draw
from trainer.fused.scores import Scores, scored
from trainer.models.dropout import dropouts_of
from trainer.models.layout import Layout
from trainer.problem import Problem
from trainer.randomness import initial_model
from trainer.stack import Told
from trainer.state import State
from trainer.training import Progress, Training
from trainer.updates.stepper import Stepper


class FusedStack:
    """See trainer.stack.Stack; at most `width` rows, which are stepped for about `ahead_seconds` at a time.

    Every row has its own settings, seed, order and place in its epoch. On a CPU it is bit-equal whatever its place and
    its neighbours are, and, but for convolutions, whatever the width.
    """

    def __init__(self, *, device: torch.device, width: int, ahead_seconds: float) -> None:
        self._device = device
        self._width = width
        self._ahead_seconds = ahead_seconds
        self._rows: list[Training] = []
        self._dropout_shares: dict[Training, tuple[float, ...]] = {}
        self._copies: Copies | None = None
        self._stepper: Stepper | None = None  # None: other rows than at the last update
        self._changes = False  # the numbers of the updates do, from one to the next
        self._fewest_updates = 0  # of any row before the update that the stepper was last prepared for
        self._update_seconds = ahead_seconds

    @property
    def trainings(self) -> Sequence[Training]:
        """See Stack."""
        return tuple(self._rows)

    @property
    def num_free(self) -> int:
        """See Stack."""
        return self._width - len(self._rows)

    def add(self, assignment: Assignment, *, problem: Problem, state: State | None = None) -> Training:
        """See Stack."""
        assert self.num_free
        module = initial_model(problem.model, seed=assignment.seed).to(self._device)
        layout = Layout(module)
        counters = None if state is None else replace(state.counters)
        training = Training(assignment, problem=problem, layout=layout, counters=counters)
        if self._copies is None:
            self._copies = Copies(module, training=training, width=self._width)
        self._copies.tensors.add(module, layout=layout, state=state)
        self._rows.append(training)
        self._dropout_shares[training] = tuple(dropout.share for dropout in dropouts_of(module).values())
        self._copies.begin_epoch(len(self._rows) - 1, training=training)
        self._stepper = None
        training.best = None if state is None else state.best
        training.snapshots.begin(lambda: self.state(training))
        return training

    def remove(self, training: Training) -> None:
        """See Stack."""
        row = self._rows.index(training)
        self._open_copies.tensors.remove(row)
        last = self._rows.pop()
        if last is not training:
            self._rows[row] = last
        del self._dropout_shares[training]
        if not self._rows:
            self._copies = None
        self._stepper = None

    def state(self, training: Training) -> State:
        """See Stack."""
        return self._open_copies.tensors.state(self._rows.index(training), training=training)

    def advance(self) -> list[Told]:
        """See Stack."""
        steps_left = min(row.steps_left for row in self._rows)
        diverged = self._train(at_most=min(steps_left, self._most_updates())) if steps_left else {}
        told = [Told(self._rows[row], Progress(divergence=why)) for row, why in diverged.items()]
        ended = [number for number, row in enumerate(self._rows) if not row.steps_left and number not in diverged]
        return told + list(self._end_epochs(ended))

    @property
    def _open_copies(self) -> Copies:
        assert self._copies is not None
        return self._copies

    def _train(self, *, at_most: int) -> dict[int, str]:
        """So many updates of all rows; returns why rows have diverged."""
        began, rows = perf_counter(), self._rows
        ahead = self._open_copies.gather(rows, at_most=at_most)
        terms: list[Tensor] = []
        try:
            for update in range(len(ahead.x)):
                terms.append(self._update(ahead, update=update))
        except (MemoryError, RuntimeError) as error:
            if is_out_of_memory(error):
                traceback.clear_frames(error.__traceback__)  # what the update had computed leaves no room for the note
            raise
        finally:
            diverged = self._note(ahead, terms=terms)
            seconds = perf_counter() - began
            self._update_seconds = seconds / len(ahead.x)
            for row in rows:
                row.spend(seconds / len(rows))
        return diverged

    def _most_updates(self) -> int:
        return max(1, int(self._ahead_seconds / self._update_seconds)) if self._ahead_seconds else 1

    def _update(self, ahead: Ahead, *, update: int) -> Tensor:
        draws = self._draws(ahead, update=update) if self._open_copies.has_dropouts else ()
        terms = self._open_copies.backpropagate(ahead, update=update, draws=draws)
        theta, gradient, buffers = self._open_copies.tensors.taken
        self._prepared(update, like=theta).step(theta, buffers=buffers, gradient=gradient)
        return terms

    def _draws(self, ahead: Ahead, *, update: int) -> list[Draw]:
        return [
            Draw(row.assignment.seed, row.num_updates + update, batch_size=size, shares=self._dropout_shares[row])
            for row, size in zip(self._rows, ahead.sizes[update], strict=True)
        ]

    def _prepared(self, update: int, *, like: Tensor) -> Stepper:
        """The stepper for an update of those ahead; most often it is the same as for the one before."""
        rows, stepper = self._rows, self._stepper
        if stepper is None:
            stepper = self._stepper = Stepper([row.assignment.settings for row in rows], like=like)
            self._changes = stepper.counts_updates or not all(row.is_steady for row in rows)
            self._fewest_updates = 0
        if self._changes or self._fewest_updates <= 1:
            num_updates = [row.num_updates + update for row in rows]
            stepper.prepare([row.pace(ahead=update) for row in rows], num_updates=num_updates, like=like)
            self._fewest_updates = min(num_updates)
        return stepper

    def _note(self, ahead: Ahead, *, terms: Sequence[Tensor]) -> dict[int, str]:
        """The first updates ahead were made, with losses of these terms."""
        if not terms:
            return {}
        losses = self._open_copies.losses(ahead, terms=terms)
        why = (row.note_updates(of_row) for row, of_row in zip(self._rows, losses.T.tolist(), strict=True))
        return {number: reason for number, reason in enumerate(why) if reason is not None}

    def _end_epochs(self, ended: Sequence[int]) -> Iterator[Told]:
        if not ended:
            return
        began = perf_counter()
        problem, grad_norms = self._rows[ended[0]].problem, self._open_copies.tensors.grad_norms(ended)
        all_scores = [one for some in self._open_copies.evaluated(ended) for one in scored(some, problem=problem)]
        seconds = (perf_counter() - began) / len(ended)
        for row, scores, grad_norm in zip(ended, all_scores, grad_norms, strict=True):
            self._rows[row].spend(seconds)
            yield Told(self._rows[row], self._end_epoch(row, scores=scores, grad_norm=grad_norm))

    def _end_epoch(self, row: int, *, scores: Scores | Exception, grad_norm: float) -> Progress:
        if isinstance(scores, Exception):
            return Progress(error=scores)
        training, tensors = self._rows[row], self._open_copies.tensors
        progress = training.end_epoch(scores, grad_norm=grad_norm, weights=lambda: tensors.weights(row))
        if not training.completed:
            self._open_copies.begin_epoch(row, training=training)
        return progress
