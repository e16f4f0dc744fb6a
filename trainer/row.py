"""One trial in training: an update at a time, an evaluation after each epoch."""

import math
from collections import deque
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import Tensor

from trainer.catalog import check_metric
from trainer.config import Assignment
from trainer.datasets import Part
from trainer.flat_model import FlatModel
from trainer.problem import Problem
from trainer.randomness import epoch_order, initial_model
from trainer.schedules import learning_rate
from trainer.sgd import Rates, rates, rates_at, update
from trainer.state import Counters, Snapshots, State

EXPLOSION = 1e6
"""A training has diverged when the loss of a batch is above EXPLOSION · (1 + |the loss of its first batch|)."""


@dataclass(frozen=True)
class Progress:
    """What one update led to: the metrics of the epoch that it ended, and why the training diverged, if it did."""

    metrics: dict[str, float | None] | None = None
    divergence: str | None = None


class Row:
    """A trial on a device, from its initialisation or from `state`.

    `seconds` is its training time here (updates and evaluations); `snapshots` are where a PAUSE may send it back to.
    """

    def __init__(
        self, assignment: Assignment, *, problem: Problem, device: torch.device, state: State | None = None
    ) -> None:
        check_metric(assignment.metric, facts=problem.facts)
        self.assignment = assignment
        self.model = FlatModel(initial_model(problem.model, seed=assignment.seed), device=device)
        self.seconds = 0.0
        self._problem = problem
        self._velocity = torch.zeros_like(self.model.theta)
        self._best_theta: Tensor | None = None
        self._counters = Counters()
        if state is not None:
            self._go_on_from(state)
        self.snapshots = Snapshots(self.state(), rungs=assignment.rungs)
        self._num_examples = len(problem.train.x)
        batch_size = assignment.settings.batch_size
        self._batch_size = self._num_examples if batch_size == "full" else min(batch_size, self._num_examples)
        self._num_steps = math.ceil(self._num_examples / self._batch_size)
        self._batches: deque[Part] = deque()
        self._rates: Rates | None = None

    @property
    def num_epochs(self) -> int:
        """The whole epochs done."""
        return self._counters.epoch

    def state(self) -> State:
        """Where the training stands; it goes on without touching what this returns."""
        return State(replace(self._counters), self.model.theta.clone(), self._velocity.clone(), self._best_theta)

    def advance(self) -> Progress:
        """One update, and the evaluation where it ends an epoch."""
        began = perf_counter()
        divergence = self._train_on_next_batch()
        ends_epoch = divergence is None and self._counters.step == self._num_steps
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
        loss = self._problem.loss(self.model.module(batch.x), batch.y)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        update(self.model.theta, velocity=self._velocity, gradient=self.model.gradient, rates=self._next_rates())
        value = loss.item()
        counters.step += 1
        counters.loss_sum += value * len(batch.x)
        if counters.first_loss is None:
            counters.first_loss = value
        return _divergence(value, first_loss=counters.first_loss)

    def _next_batch(self) -> Part:
        if not self._batches:
            self._batches = self._shuffled_batches()
        return self._batches.popleft()

    def _shuffled_batches(self) -> deque[Part]:
        """What is left of this epoch. The epoch is gathered once, since slices of it are free and gathers are not."""
        train, counters = self._problem.train, self._counters
        order = epoch_order(self.assignment.seed, epoch=counters.epoch + 1, num_examples=self._num_examples)
        order = order.to(train.x.device)
        pairs = zip(*(torch.split(column[order], self._batch_size) for column in train), strict=True)
        return deque([Part(x, y) for x, y in pairs][counters.step :])

    def _num_updates(self) -> int:
        return self._counters.epoch * self._num_steps + self._counters.step

    def _next_rates(self) -> Rates:
        settings, num_updates = self.assignment.settings, self._num_updates()
        if self._rates is None or num_updates == 1:
            self._rates = rates([settings], num_updates=[num_updates], like=self.model.theta)
        elif settings.lr_decay:
            self._rates = rates_at(self._rates, rows=[settings], num_updates=[num_updates])
        return self._rates

    @torch.no_grad()
    def _evaluate(self) -> dict[str, float | None]:
        problem, validation = self._problem, self._problem.validation
        outputs = self.model.module(validation.x)
        scores = {"val_loss": problem.loss} | dict(problem.metrics)
        return {name: _finite(score(outputs, validation.y).item()) for name, score in scores.items()}

    def _end_epoch(self, scores: dict[str, float | None]) -> Progress:
        counters, settings = self._counters, self.assignment.settings
        train_loss, val_loss = counters.loss_sum / self._num_examples, scores["val_loss"]
        metrics = {
            "train_loss": train_loss,
            **scores,
            "generalization_gap": None if val_loss is None else val_loss - train_loss,
            "learning_rate": learning_rate(self._num_updates() - 1, settings=settings),
            "momentum": settings.momentum,
            # Of the last update only (without weight decay): a norm of every gradient would cost each step 4%.
            "grad_norm": _finite(self.model.gradient.norm().item()),
            "epoch_seconds": counters.epoch_seconds,
        }
        counters.epoch += 1
        counters.step, counters.loss_sum, counters.epoch_seconds = 0, 0.0, 0.0
        self._note_best(metrics[self.assignment.metric.name])
        lost = [name for name, score in scores.items() if score is None]
        divergence = f"{', '.join(lost)} after epoch {counters.epoch} not finite" if lost else None
        return Progress(metrics=metrics, divergence=divergence)

    def _note_best(self, value: float | None) -> None:
        counters, best = self._counters, self._counters.best_value
        if value is None:
            return
        maximize = self.assignment.metric.goal == "maximize"
        if best is None or (value > best if maximize else value < best):
            counters.best_epoch, counters.best_value = counters.epoch, value
            self._best_theta = self.model.theta.clone()

    def _go_on_from(self, state: State) -> None:
        self._counters = replace(state.counters)
        self.model.theta.copy_(state.theta)
        self._velocity.copy_(state.velocity)
        self._best_theta = None if state.best_theta is None else state.best_theta.to(self._velocity.device)


def _divergence(loss: float, *, first_loss: float) -> str | None:
    if not math.isfinite(loss):
        return f"the training loss became {loss}"
    if loss > EXPLOSION * (1 + abs(first_loss)):
        return f"the training loss exploded from {first_loss:.4g} to {loss:.4g}"
    return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
