"""One trial in training: an update at a time, an evaluation after each epoch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import torch

from trainer.catalog import check_metric
from trainer.config import Assignment
from trainer.course.reactions import after_epoch
from trainer.course.schedules import Course, Pace, is_steady, pace
from trainer.course.stopping import is_spent, patience_after
from trainer.data.datasets import Part
from trainer.errors import CheckpointError
from trainer.models.flat_model import FlatModel, Weights
from trainer.models.training_mode import TrainingMode
from trainer.own.logged import Logging, means
from trainer.problem import Problem
from trainer.randomness import epoch_order, initial_model
from trainer.state import Counters, Snapshots, State
from trainer.updates.stepper import Stepper, empty_buffers

BATCHES_AT_ONCE = 1024
"""Batches that are cut at once: a million of one example, all together, would take 3 s and 1.2 GB."""
EXPLOSION = 1e6
"""A training has diverged when the loss of a batch is above EXPLOSION · (1 + |the loss of its first batch|)."""


@dataclass(frozen=True)
class Progress:
    """What one update led to: the metrics of the epoch that it ended, and why the training diverged, if it did."""

    metrics: dict[str, float | None] | None = None
    divergence: str | None = None


class Row:
    """A trial on a device, from its initialisation or from `state` (CheckpointError where that is of another model).

    `seconds` is its training time here (updates and evaluations); `completed` says that no epoch follows; `snapshots`
    are where a PAUSE may send it back to.
    """

    def __init__(
        self, assignment: Assignment, *, problem: Problem, device: torch.device, state: State | None = None
    ) -> None:
        check_metric(assignment.metric, facts=problem.facts)
        self.assignment = assignment
        self.model = FlatModel(initial_model(problem.model, seed=assignment.seed), device=device)
        plugin = problem.facts.kind == "plugin"  # nobody knows what its model does
        self._mode = TrainingMode(self.model.module, seed=assignment.seed, always=plugin)
        self.seconds = 0.0
        self.completed = False
        self._problem = problem
        self._buffers = empty_buffers(assignment.settings, like=self.model.theta)
        self._best: Weights | None = None
        self._counters = Counters()
        if state is not None:
            self._go_on_from(state)
        self.snapshots = Snapshots(self.state(), rungs=assignment.rungs)
        self._num_examples = len(problem.train.x)
        batch_size = assignment.settings.batch_size
        self._batch_size = self._num_examples if batch_size == "full" else min(batch_size, self._num_examples)
        self._course = Course(math.ceil(self._num_examples / self._batch_size), epochs=assignment.epochs)
        self._batches: Iterator[Part] = iter(())
        self._stepper = Stepper([assignment.settings], like=self.model.theta)
        self._is_steady = is_steady(assignment.settings)
        self._pace = self._next_pace()

    @property
    def num_epochs(self) -> int:
        """The whole epochs done."""
        return self._counters.epoch

    def state(self) -> State:
        """Where the training stands; it goes on without touching what this returns."""
        buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
        return State(replace(self._counters), self.model.weights(), buffers, self._best, self.model.frozen_sha256)

    def advance(self) -> Progress:
        """One update, and the evaluation where it ends an epoch."""
        began = perf_counter()
        divergence = self._train_on_next_batch()
        ends_epoch = divergence is None and self._counters.step == self._course.steps_per_epoch
        scores = self._evaluate() if ends_epoch else {}
        seconds = perf_counter() - began
        self.seconds += seconds
        self._counters.epoch_seconds += seconds
        return self._end_epoch(scores) if ends_epoch else Progress(divergence=divergence)

    def _train_on_next_batch(self) -> str | None:
        """Forward, backward, update; returns why the training has diverged, if it has."""
        counters = self._counters
        batch = self._next_batch()
        self.model.gradient.zero_()
        self._mode.begin_update(self._num_updates())
        with Logging(counters.logged) as logging:
            loss = self._problem.loss(self.model.module(batch.x), batch.y)
        counters.logged = logging.logged
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        self._step()
        value = loss.item()
        counters.step += 1
        counters.loss_sum += value * len(batch.x)
        if counters.first_loss is None:
            counters.first_loss = value
        return _divergence(value, first_loss=counters.first_loss)

    def _step(self) -> None:
        if not self._is_steady:
            self._pace = self._next_pace()
        self._stepper.step(
            self.model.theta,
            buffers=self._buffers,
            gradient=self.model.gradient,
            paces=[self._pace],
            num_updates=[self._num_updates()],
        )

    def _next_batch(self) -> Part:
        batch = next(self._batches, None)
        if batch is None:
            self._batches = self._rest_of_epoch()
            batch = next(self._batches)
        return batch

    def _rest_of_epoch(self) -> Iterator[Part]:
        """The epoch is gathered once, since slices of it are free and gathers are not."""
        x, y = self._problem.train
        if self.assignment.settings.shuffle:
            epoch = self._counters.epoch + 1
            order = epoch_order(self.assignment.seed, epoch=epoch, num_examples=self._num_examples).to(x.device)
            x, y = x[order], y[order]
        size = self._batch_size
        for start in range(self._counters.step * size, self._num_examples, BATCHES_AT_ONCE * size):
            some = slice(start, start + BATCHES_AT_ONCE * size)
            for pair in zip(torch.split(x[some], size), torch.split(y[some], size), strict=True):
                yield Part(*pair)

    def _num_updates(self) -> int:
        return self._counters.epoch * self._course.steps_per_epoch + self._counters.step

    def _next_pace(self) -> Pace:
        return pace(
            self._num_updates(),
            settings=self.assignment.settings,
            course=self._course,
            reactions=self._counters.reactions,
        )

    @torch.no_grad()
    def _evaluate(self) -> dict[str, float | None]:
        problem, validation = self._problem, self._problem.validation
        scores = {"val_loss": problem.loss} | dict(problem.metrics)
        with self._mode.evaluation():
            outputs = self._mode.outputs(validation.x)
            found = {name: _finite(score(outputs, validation.y).item()) for name, score in scores.items()}
        # Of outputs that are no numbers argmax still names a class: such an accuracy would be one of the data alone.
        return found if found["val_loss"] is not None else dict.fromkeys(found)

    def _end_epoch(self, scores: dict[str, float | None]) -> Progress:
        counters = self._counters
        metrics = self._metrics(scores, train_loss=counters.loss_sum / self._num_examples)
        self._batches = iter(())  # a row that waits for its answer holds no copy of the data
        counters.epoch += 1
        counters.step, counters.loss_sum, counters.epoch_seconds, counters.logged = 0, 0.0, 0.0, {}
        # A score may be undefined (auc where one class is missing) in a training that is well.
        divergence = f"val_loss after epoch {counters.epoch} not finite" if scores["val_loss"] is None else None
        self._note_best(metrics[self.assignment.metric.name])
        if divergence is None:
            self._react(metrics)
        return Progress(metrics=metrics, divergence=divergence)

    def _metrics(self, scores: dict[str, float | None], *, train_loss: float) -> dict[str, float | None]:
        val_loss = scores["val_loss"]
        return {
            "train_loss": train_loss,
            **scores,
            "generalization_gap": None if val_loss is None else val_loss - train_loss,
            "learning_rate": self._pace.learning_rate,
            "momentum": self._pace.momentum,
            # Of the last update only (before clipping and without weight decay): a norm of every gradient would cost
            # each step 4%.
            "grad_norm": _finite(self.model.gradient.norm().item()),
            "epoch_seconds": self._counters.epoch_seconds,
            **means(self._counters.logged),
        }

    def _react(self, metrics: dict[str, float | None]) -> None:
        """What follows from a whole epoch for the next ones: schedules that listen, and whether there are any."""
        counters, settings, metric = self._counters, self.assignment.settings, self.assignment.metric
        train_loss, val_loss = metrics["train_loss"], metrics["val_loss"]
        assert train_loss is not None
        assert val_loss is not None
        counters.reactions = after_epoch(
            counters.reactions, settings=settings, train_loss=train_loss, val_loss=val_loss
        )
        counters.patience = patience_after(
            counters.patience,
            value=metrics[metric.name],
            goal=metric.goal,
            min_delta=settings.early_stopping_min_delta,
        )
        self.completed = counters.epoch == self.assignment.epochs or is_spent(counters.patience, settings=settings)

    def _note_best(self, value: float | None) -> None:
        counters, best = self._counters, self._counters.best_value
        if value is None:
            return
        maximize = self.assignment.metric.goal == "maximize"
        if best is None or (value > best if maximize else value < best):
            counters.best_epoch, counters.best_value = counters.epoch, value
            self._best = self.model.weights()

    def _go_on_from(self, state: State) -> None:
        if state.frozen_sha256 != self.model.frozen_sha256:
            raise CheckpointError("The checkpoint was trained beside other frozen parameters than the model has here")
        self.model.fill(state.weights)
        self._counters = replace(state.counters)
        self._best = state.best
        for name, buffer in self._buffers.items():
            buffer.copy_(state.buffers[name])


def _divergence(loss: float, *, first_loss: float) -> str | None:
    if not math.isfinite(loss):
        return f"the training loss became {loss}"
    if loss > EXPLOSION * (1 + abs(first_loss)):
        return f"the training loss exploded from {first_loss:.4g} to {loss:.4g}"
    return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
