"""Losses of many rows at once, each the mean over its own batch."""

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.metrics import Score
from trainer.models.quadratic import ravine_loss, ravine_losses

ExampleLosses: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of outputs and targets of rows (rows, batch, ...), the loss of each example (rows, batch)."""


def of_examples(loss: Score) -> ExampleLosses | None:
    """The losses of the examples whose mean this loss is; None where it is one of the user's own."""
    return _OF_EXAMPLES.get(loss)


def of_batches(loss: Score, *, outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss of batches of one size for every row, (rows,)."""
    losses: Tensor = torch.vmap(loss)(outputs, targets)
    return losses


def _cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.transpose(1, 2), targets, reduction="none")


def _squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, targets, reduction="none").flatten(2).mean(dim=2)


_OF_EXAMPLES: dict[Score, ExampleLosses] = {
    F.cross_entropy: _cross_entropies,
    F.mse_loss: _squared_errors,
    ravine_loss: lambda outputs, _: ravine_losses(outputs),
}
