"""One trial in training by itself: an update at a time, an evaluation after each epoch."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from time import perf_counter

import torch

from trainer.config import Assignment
from trainer.data.datasets import Part
from trainer.models.convolution import use_channels_last
from trainer.models.flat_model import FlatModel
from trainer.models.training_mode import TrainingMode, in_pieces
from trainer.own.logged import Logging
from trainer.precision import in_precision
from trainer.problem import Problem
from trainer.randomness import initial_model
from trainer.state import State
from trainer.training import Progress, Training, evaluated
from trainer.updates.row_stepper import RowStepper
from trainer.updates.stepper import empty_buffers

BATCHES_AT_ONCE, BYTES_AT_ONCE = 1024, 1 << 26
"""Batches are gathered, cut and brought to the device at once, one at least: as many as these allow. A million of one
example, all together, would take 3 s and 1.2 GB."""


class Row:
    """A trial on a device, from its initialisation or from `state` (CheckpointError where that is of another model)."""

    def __init__(
        self, assignment: Assignment, *, problem: Problem, device: torch.device, state: State | None = None
    ) -> None:
        self.model = FlatModel(initial_model(problem.model, seed=assignment.seed), device=device)
        if device.type == "cpu":
            use_channels_last(self.model.module)
        counters = None if state is None else replace(state.counters)
        self.training = Training(assignment, problem=problem, layout=self.model.layout, counters=counters)
        plugin = problem.facts.kind == "plugin"  # nobody knows what its model does
        self._mode = TrainingMode(self.model.module, seed=assignment.seed, always=plugin)
        self._forward = in_precision(self.model.module, precision=assignment.precision, device=device)
        self._problem = problem
        self._buffers = empty_buffers(assignment.settings, like=self.model.theta)
        if state is not None:
            self._go_on_from(state)
        self.training.snapshots.begin(self.state)
        self._batches: Iterator[Part] = iter(())
        self._stepper = RowStepper(assignment.settings, model=self.model, buffers=self._buffers)

    @property
    def completed(self) -> bool:
        """No epoch follows."""
        return self.training.completed

    def state(self) -> State:
        """Where the training stands; it goes on without touching what this returns."""
        training, model = self.training, self.model
        buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
        return State(replace(training.counters), model.weights(), buffers, training.best, model.layout.frozen_sha256)

    def advance(self) -> Progress:
        """One update, and the evaluation where it ends an epoch."""
        began, training = perf_counter(), self.training
        divergence = self._train_on_next_batch() if training.steps_left else None
        ends_epoch = divergence is None and not training.steps_left
        scores = self._evaluate() if ends_epoch else {}
        training.spend(perf_counter() - began)
        if not ends_epoch:
            return Progress(divergence=divergence)
        self._batches = iter(())  # a row that waits for its answer holds no copy of the data
        grad_norm = self.model.gradient.norm().item()
        return training.end_epoch(scores, grad_norm=grad_norm, weights=self.model.weights)

    def _train_on_next_batch(self) -> str | None:
        """Forward, backward, update; returns why the training has diverged, if it has."""
        training, counters = self.training, self.training.counters
        batch = self._next_batch()
        self.model.forget_gradients()
        self._mode.begin_update(training.num_updates)
        with Logging(counters.logged) as logging:
            loss = self._problem.loss(self._forward(batch.x), batch.y)
        counters.logged = logging.logged
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        self._stepper.step(training.pace(), num_updates=training.num_updates)
        return training.note_updates([loss.item()])

    def _next_batch(self) -> Part:
        batch = next(self._batches, None)
        if batch is None:
            self._batches = self._rest_of_epoch()
            batch = next(self._batches)
        return batch

    def _rest_of_epoch(self) -> Iterator[Part]:
        """Many batches are gathered at once, since slices of them are free and gathers are not."""
        train, order, size = self._problem.train, self.training.order(), self.training.batch_size
        device, num_examples = self.model.theta.device, len(train.x)
        order = None if order is None else order.to(train.x.device)
        batches_at_once = max(1, min(BATCHES_AT_ONCE, BYTES_AT_ONCE // max(1, size * train.x[0].nbytes)))
        num_at_once = batches_at_once * size
        # From the same places on, wherever the training goes on: an address may decide about a product's last bits.
        first = self.training.counters.step
        for start in range(first // batches_at_once * num_at_once, num_examples, num_at_once):
            some = slice(start, start + num_at_once)
            x, y = (part[some if order is None else order[some]].to(device) for part in train)
            pairs = zip(torch.split(x, size), torch.split(y, size), strict=True)
            for pair in islice(pairs, max(0, first - start // size), None):
                yield Part(*pair)

    @torch.no_grad()
    def _evaluate(self) -> dict[str, float | None]:
        validation, device = self._problem.validation, self.model.theta.device
        with self._mode.evaluation():
            outputs = in_pieces(lambda x: self._forward(x.to(device)), x=validation.x)
            return evaluated(outputs.to(validation.y.device), problem=self._problem)

    def _go_on_from(self, state: State) -> None:
        self.model.layout.check_frozen(state.frozen_sha256)
        self.model.fill(state.weights)
        self.training.best = state.best
        for name, buffer in self._buffers.items():
            buffer.copy_(state.buffers[name])
