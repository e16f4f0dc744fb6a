"""Losses of many rows at once, each the mean over its own batch."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.metrics import Score
from trainer.models.quadratic import ravine_loss, ravine_losses
from trainer.problem import Problem


class ExampleLoss(Protocol):
    """A mean of what examples lose, as a sum of terms with weights that are known before the terms are.

    Backpropagation then begins at the terms. `shares` is what each example counts in the mean, (updates, rows, n);
    targets are (updates, rows, n, ...).
    """

    def terms(self, outputs: Tensor, *, targets: Tensor) -> Tensor:
        """Of an update's outputs (rows, outputs, n) and targets (rows, n, ...): (rows, terms, n)."""

    def weights(self, shares: Tensor, *, targets: Tensor) -> Tensor:
        """What each term counts, (updates, rows, terms, n)."""

    def losses(self, terms: Tensor, *, targets: Tensor, shares: Tensor) -> Tensor:
        """The losses (updates, rows) of the terms (updates, rows, terms, n) of all updates."""


def example_loss(problem: Problem) -> ExampleLoss | None:
    """The loss of a built-in problem; None for what takes all examples of a batch together, or may."""
    if problem.facts.kind == "plugin":
        return None
    if problem.loss is F.cross_entropy:
        return _CrossEntropy(problem.facts.num_classes)
    terms = _TERMS.get(problem.loss)
    return None if terms is None else _OneTerm(terms)


def of_batches(loss: Score, *, outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss of batches of one size for every row, (rows,), of outputs (rows, ..., n)."""
    losses: Tensor = torch.vmap(loss)(outputs.movedim(-1, 1), targets)
    return losses


class _CrossEntropy:
    """Terms are the logarithms of all probabilities; what counts is the one of the target."""

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes

    def terms(self, outputs: Tensor, *, targets: Tensor) -> Tensor:  # noqa: ARG002 (as its sibling)
        """See ExampleLoss."""
        return outputs.log_softmax(dim=1)

    def weights(self, shares: Tensor, *, targets: Tensor) -> Tensor:
        """See ExampleLoss."""
        num_updates, num_rows, num_examples = shares.shape
        none = shares.new_zeros((num_updates, num_rows, self._num_classes, num_examples))
        return none.scatter_(2, targets.unsqueeze(2), -shares.unsqueeze(2))

    def losses(self, terms: Tensor, *, targets: Tensor, shares: Tensor) -> Tensor:
        """See ExampleLoss: of the target's term alone, for another one may be infinite."""
        return -(terms.gather(2, targets.unsqueeze(2)).squeeze(2) * shares).sum(dim=2)


_Terms: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class _OneTerm:
    """An example has one term."""

    def __init__(self, terms: _Terms) -> None:
        self._terms = terms

    def terms(self, outputs: Tensor, *, targets: Tensor) -> Tensor:
        """See ExampleLoss."""
        return self._terms(outputs, targets)

    def weights(self, shares: Tensor, *, targets: Tensor) -> Tensor:  # noqa: ARG002 (as its sibling)
        """See ExampleLoss."""
        return shares.unsqueeze(2)

    def losses(self, terms: Tensor, *, targets: Tensor, shares: Tensor) -> Tensor:  # noqa: ARG002 (as its sibling)
        """See ExampleLoss."""
        return (terms.squeeze(2) * shares).sum(dim=2)


def _squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    errors = F.mse_loss(outputs, targets.transpose(1, 2), reduction="none")
    return errors if errors.shape[1] == 1 else errors.mean(dim=1, keepdim=True)


_TERMS: dict[Score, _Terms] = {
    F.mse_loss: _squared_errors,
    ravine_loss: lambda outputs, _: ravine_losses(outputs.transpose(1, 2)).unsqueeze(1),
}
