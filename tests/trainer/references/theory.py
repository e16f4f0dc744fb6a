"""What theory says of the ravine, and what our trainings do on it in float64, through the real row."""

import math
from collections.abc import Mapping

import torch

from tests.trainer.assignments import RAVINE, assignment
from trainer.catalog import dataset
from trainer.data.datasets import load
from trainer.models.quadratic import CONVEXITY, SMOOTHNESS, Ravine, eigenvalues, ravine_loss
from trainer.problem import Problem
from trainer.row import Row
from trainer.settings import Setting

ROOT_KAPPA = math.sqrt(SMOOTHNESS / CONVEXITY)
HEAVY_BALL: Mapping[str, Setting] = {
    "learning_rate": 4 / (math.sqrt(SMOOTHNESS) + math.sqrt(CONVEXITY)) ** 2,
    "momentum": ((ROOT_KAPPA - 1) / (ROOT_KAPPA + 1)) ** 2,
}
BEST_PLAIN: Mapping[str, Setting] = {"learning_rate": 2 / (SMOOTHNESS + CONVEXITY)}


class _ExactRavine(Ravine):
    """The ravine in float64 from its first weights on."""

    def __init__(self) -> None:
        super().__init__()
        self.double()
        self.scale = eigenvalues().sqrt()


def _exact_ravine() -> Problem:
    parts = load("quadratic", dtype=torch.float64)
    return Problem(
        facts=dataset("quadratic"),
        model=_ExactRavine,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        loss=ravine_loss,
        metrics={},
        preprocessing={},
    )


def errors_of(settings: Mapping[str, Setting], *, num_updates: int) -> list[float]:
    """The distance to the minimum before the first and after each update; a divergence ends it."""
    assigned = assignment({**settings, "batch_size": "full"}, problem=RAVINE, epochs=num_updates)
    row = Row(assigned, problem=_exact_ravine(), device=torch.device("cpu"))
    errors = [row.model.theta.norm().item()]
    while not row.completed and row.advance().divergence is None:
        errors.append(row.model.theta.norm().item())
    return errors


def contraction(errors: list[float], *, first: int, last: int) -> float:
    """What an update leaves of the error, on average from update `first` to `last`."""
    return float((errors[last] / errors[first]) ** (1 / (last - first)))


def difference_of_plain_descent(num_updates: int) -> float:
    """The contraction of plain descent at its best over updates 50 to `num_updates`, relative to (κ-1)/(κ+1)."""
    kappa = ROOT_KAPPA**2
    return _relative(
        contraction(errors_of(BEST_PLAIN, num_updates=num_updates), first=50, last=num_updates), kappa=kappa
    )


def difference_of_heavy_ball(num_updates: int) -> float:
    """The contraction of the heavy ball at its best over updates 50 to `num_updates`, relative to (√κ-1)/(√κ+1)."""
    errors = errors_of(HEAVY_BALL, num_updates=num_updates)
    return _relative(contraction(errors, first=50, last=num_updates), kappa=ROOT_KAPPA)


def _relative(left: float, *, kappa: float) -> float:
    expected = (kappa - 1) / (kappa + 1)
    return abs(left / expected - 1)
