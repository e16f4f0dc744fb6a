"""Scores of held-out data: of outputs and targets of n examples, one number. Larger is better but for mse and mae.

Classification takes outputs (n, classes) and class numbers (n,); regression takes (n, 1) of both, and measures on the
scale of the targets that it is given: those of our data sets are standardised. A score that is undefined is NaN, never
an exception.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

Score: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of outputs and targets of n examples, one number (a tensor without dimensions)."""


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of rows whose largest output is the target's class."""
    return (outputs.argmax(dim=1) == targets).float().mean()


def balanced_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over the classes that occur of the share of their rows that were recognised."""
    counts = _counted(outputs, targets=targets)
    return (counts.hits / counts.actual)[counts.actual > 0].mean()


def f1_macro(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean of 2·hits / (actual + predicted) over the classes that occur or are predicted."""
    counts = _counted(outputs, targets=targets)
    either = counts.actual + counts.predicted
    return (2 * counts.hits / either)[either > 0].mean()


def auc(outputs: Tensor, targets: Tensor) -> Tensor:
    """The area under the ROC curve: how often a row of a class gets a higher probability of it than another row.

    Ties count half (Mann-Whitney's U by mean ranks). With more than two classes it is the mean of each class against
    the rest, over the classes for which there are rows of both sides; NaN where there are none.
    """
    num_classes = outputs.shape[1]
    first = 1 if num_classes == 2 else 0  # of two classes the second one's area is the first one's too
    # On the CPU: not every accelerator has double precision, and this is once an epoch.
    scores = _log_odds(outputs.cpu().double()).T[first:].contiguous()
    own = (targets.cpu() == torch.arange(first, num_classes)[:, None]).double()
    num_own = own.sum(dim=1)
    num_others = len(targets) - num_own
    u = (_ranks(scores) * own).sum(dim=1) - num_own * (num_own + 1) / 2
    return (u / (num_own * num_others))[(num_own > 0) & (num_others > 0)].mean()


def r2(outputs: Tensor, targets: Tensor) -> Tensor:
    """The coefficient of determination: 1 - Σ(y - ŷ)² / Σ(y - mean y)²."""
    return 1 - (targets - outputs).square().sum() / (targets - targets.mean()).square().sum()


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error."""
    return (targets - outputs).square().mean()


def mae(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean absolute error."""
    return (targets - outputs).abs().mean()


SCORE_BY_NAME: Mapping[str, Score] = MappingProxyType(
    {
        "val_accuracy": accuracy,
        "val_balanced_accuracy": balanced_accuracy,
        "val_f1_macro": f1_macro,
        "val_auc": auc,
        "val_r2": r2,
        "val_mse": mse,
        "val_mae": mae,
    }
)
"""How each score of the catalog is computed."""


class _Counts(NamedTuple):
    """Rows per class, (classes,): of this class, put into it, and both."""

    actual: Tensor
    predicted: Tensor
    hits: Tensor


def _counted(outputs: Tensor, *, targets: Tensor) -> _Counts:
    num_classes, predicted = outputs.shape[1], outputs.argmax(dim=1)
    groups = (targets, predicted, targets[predicted == targets])
    return _Counts(*(torch.bincount(group, minlength=num_classes).cpu().double() for group in groups))


def _log_odds(outputs: Tensor) -> Tensor:
    """What orders rows as the probability of each class does, but where a probability would be rounded to 1."""
    if outputs.shape[1] == 2:
        return outputs - outputs.flip(1)
    return outputs.log_softmax(dim=1)


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value in its row, from 1; equal values share the mean of theirs. (rows, n) to (rows, n)."""
    in_order = values.sort(dim=1).values
    num_below = torch.searchsorted(in_order, values)
    num_up_to = torch.searchsorted(in_order, values, right=True)
    return (num_below + num_up_to + 1) / 2
