"""Scores of all rows at once, where they are known to take every row by itself; others a row at a time."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.metrics import Score, accuracy, mae, mse, r2
from trainer.fused.aligned import FEWEST_ROWS
from trainer.models.quadratic import ravine_loss, ravine_losses
from trainer.problem import Problem
from trainer.training import evaluated

Scores: TypeAlias = Mapping[str, float | None]

_OfRows: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of outputs (rows, n, ...) and targets (n, ...), a number for each row: what the score gives of it alone."""


def scored(outputs: Tensor, *, problem: Problem) -> list[Scores | Exception]:
    """What `evaluated` says of each row's outputs (rows, n, ...), or what the problem's own code raises of them."""
    known = {} if problem.facts.kind == "plugin" else _of_rows(outputs, problem=problem)
    return [
        _of_row(row, known={name: values[number] for name, values in known.items()}, problem=problem)
        for number, row in enumerate(outputs)
    ]


def _of_rows(outputs: Tensor, *, problem: Problem) -> dict[str, list[float]]:
    """Those that can be had together. At least FEWEST_ROWS are, for a sum of one alone is one over other dimensions."""
    num_rows, targets = outputs.shape[0], problem.validation.y
    if num_rows < FEWEST_ROWS:
        outputs = torch.cat([outputs] * FEWEST_ROWS)
    scores = {"val_loss": problem.loss} | dict(problem.metrics)
    return {name: _OF_ROWS[score](outputs, targets).tolist() for name, score in scores.items() if score in _OF_ROWS}


def _of_row(outputs: Tensor, *, known: Mapping[str, float], problem: Problem) -> Scores | Exception:
    try:
        return evaluated(outputs, problem=problem, known=known)
    except Exception as error:  # the border around one row: its neighbours' scores are none of its matter
        return error


def _cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    each = targets.expand(outputs.shape[:2])
    return F.cross_entropy(outputs.transpose(1, 2), each, reduction="none").mean(dim=1)


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    return 1 - (targets - outputs).square().sum(dim=(1, 2)) / (targets - targets.mean()).square().sum()


def _mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return (targets - outputs).square().mean(dim=(1, 2))


_OF_ROWS: Mapping[Score, _OfRows] = {
    F.cross_entropy: _cross_entropies,
    F.mse_loss: _mse,
    ravine_loss: lambda outputs, _: ravine_losses(outputs).mean(dim=1),
    accuracy: lambda outputs, targets: (outputs.argmax(dim=2) == targets).float().mean(dim=1),
    r2: _r2,
    mse: _mse,
    mae: lambda outputs, targets: (targets - outputs).abs().mean(dim=(1, 2)),
}
