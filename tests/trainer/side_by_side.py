"""The same trials by both engines, side by side, and how far apart they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainer.config import Assignment
from trainer.fused.stack import FusedStack
from trainer.models.layout import Weights
from trainer.problem import Problem
from trainer.serial import SerialStack
from trainer.stack import Stack
from trainer.state import State
from trainer.training import Training

NUDGES = 3


@dataclass(frozen=True)
class Came:
    """What a training came to: its weights after the updates asked for, or fewer where it diverged.

    `scores` are those of its last whole epoch.
    """

    weights: Weights
    num_updates: int
    has_diverged: bool
    scores: Mapping[str, float | None]


def by_fused(rows: Sequence[Assignment], *, problems: Sequence[Problem], num_updates: int) -> list[Came]:
    """So many updates, all rows together, on the device of the data."""
    stack = FusedStack(device=problems[0].train.x.device, width=len(rows), ahead_seconds=0.0)
    trainings = [stack.add(row, problem=problem) for row, problem in zip(rows, problems, strict=True)]
    return _came(stack, trainings=trainings, num_updates=num_updates)


def by_serial(row: Assignment, *, problem: Problem, num_updates: int) -> Came:
    """So many updates of a row alone, there too."""
    stack = SerialStack(device=problem.train.x.device)
    [came] = _came(stack, trainings=[stack.add(row, problem=problem)], num_updates=num_updates)
    return came


def sway(row: Assignment, *, problem: Problem, num_updates: int, came: Came) -> float:
    """How far the serial training itself comes from where it came, its first weights nudged by a bit each.

    The most of NUDGES; infinite where one diverges at another update.
    """
    return max(
        distance(_nudged(row, problem=problem, num_updates=num_updates, seed=seed), came) for seed in range(NUDGES)
    )


def distance(one: Came, other: Came) -> float:
    """The most that weights or statistics differ, relative to their 2-norm where it is above 1.

    Infinite where only one has diverged or both have at other updates; of two that diverged together it is 0.
    """
    if (one.num_updates, one.has_diverged) != (other.num_updates, other.has_diverged):
        return torch.inf
    if one.has_diverged:
        return 0.0
    statistics = other.weights.statistics
    pairs = [(tensor, statistics[name]) for name, tensor in one.weights.statistics.items()]
    return max(_relative(*pair) for pair in [(one.weights.theta, other.weights.theta), *pairs])


def _nudged(row: Assignment, *, problem: Problem, num_updates: int, seed: int) -> Came:
    stack = SerialStack(device=problem.train.x.device)
    first = stack.add(row, problem=problem)
    state = stack.state(first)
    stack.remove(first)
    theta = state.weights.theta
    bits = torch.rand(theta.shape, generator=torch.Generator().manual_seed(seed), dtype=theta.dtype) * 2 - 1
    nudged = replace(state.weights, theta=theta * (1 + torch.finfo(theta.dtype).eps * bits.to(theta)))
    begun = stack.add(row, problem=problem, state=replace(state, weights=nudged))
    [came] = _came(stack, trainings=[begun], num_updates=num_updates)
    return came


def _came(stack: Stack, *, trainings: Sequence[Training], num_updates: int) -> list[Came]:
    came: dict[Training, Came] = {}
    scores: dict[Training, Mapping[str, float | None]] = {training: {} for training in trainings}
    while stack.trainings:
        for training, progress in stack.advance():
            scores[training] = progress.metrics or scores[training]
            if progress.divergence is not None:
                came[training] = _gone(stack, training=training, scores=scores[training], has_diverged=True)
        for training in stack.trainings:
            if training.num_updates == num_updates or training.completed:
                came[training] = _gone(stack, training=training, scores=scores[training], has_diverged=False)
    return [came[training] for training in trainings]


def _gone(stack: Stack, *, training: Training, scores: Mapping[str, float | None], has_diverged: bool) -> Came:
    state: State = stack.state(training)
    stack.remove(training)
    return Came(state.weights, training.num_updates, has_diverged, scores)


def _relative(one: Tensor, other: Tensor) -> float:
    expected = other.double().cpu()
    return float((one.double().cpu() - expected).norm() / max(1.0, float(expected.norm())))
