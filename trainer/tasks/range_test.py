"""The learning-rate range test: brief trainings from the same first weights, each at another rate."""

import math
from collections.abc import Callable

import torch

from trainer.catalog import default_metric
from trainer.config import Assignment
from trainer.problem import Problem
from trainer.row import Row
from trainer.settings import paths_of
from trainer.task import RangeCurve, RangeTest
from trainer.tasks.range_bounds import proposed_bounds

MAX_EXAMPLES = 2048
"""The loss is that of the first examples of the training part, at most this many, whatever the batches were."""


def range_curve(test: RangeTest, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> RangeCurve:
    """The loss after `num_updates` updates at each rate, and the bounds that follow from it.

    Every training begins with the same weights and sees the same batches, so that the rates alone differ. `beat` is
    called between any two of them.
    """
    rates = log_spaced(test.low, high=test.high, num_rates=test.num_rates)
    losses: list[float | None] = []
    first_loss: float | None = None
    for rate in rates:
        row = Row(_assignment(test, rate=rate, problem=problem), problem=problem, device=device)
        if first_loss is None:
            first_loss = _loss(row, problem=problem)
        losses.append(_trained(row, num_updates=test.num_updates, problem=problem))
        beat()
    assert first_loss is not None
    low, high = proposed_bounds(rates, losses=losses, first_loss=first_loss)
    settings = {path: value for path, value in paths_of(test.settings).items() if path != "learning_rate"}
    return RangeCurve(
        settings=settings,
        rates=rates,
        losses=losses,
        first_loss=first_loss,
        num_updates=test.num_updates,
        low=low,
        high=high,
    )


def log_spaced(low: float, *, high: float, num_rates: int) -> list[float]:
    """Rates from `low` to `high`, each the same multiple of the one before."""
    ratio = (high / low) ** (1 / (num_rates - 1))
    return [low * ratio**index for index in range(num_rates - 1)] + [high]


def _trained(row: Row, *, num_updates: int, problem: Problem) -> float | None:
    """The loss after the updates; None where the training diverged on the way or at their end."""
    for _ in range(num_updates):
        if row.advance().divergence is not None:
            return None
    loss = _loss(row, problem=problem)
    return loss if math.isfinite(loss) else None


@torch.no_grad()
def _loss(row: Row, *, problem: Problem) -> float:
    module = row.model.module
    was_training = module.training
    module.eval()
    x, y = (part[:MAX_EXAMPLES].to(row.model.theta.device) for part in problem.train)
    loss = float(problem.loss(module(x), y))
    module.train(was_training)
    return loss


def _assignment(test: RangeTest, *, rate: float, problem: Problem) -> Assignment:
    return Assignment(
        attempt=0,
        sweep="range-test",
        trial=0,
        problem=test.problem,
        settings=test.settings.model_copy(update={"learning_rate": rate}),
        epochs=test.num_updates,  # more than enough: an epoch has at least one update
        seed=test.seed,
        metric=default_metric(problem.facts),
    )
