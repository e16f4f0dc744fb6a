"""RMSprop (Tieleman & Hinton 2012) in PyTorch's form, for many trials at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.course.schedules import Pace
from trainer.kinds import RmsProp
from trainer.settings import Settings
from trainer.updates.columns import Buffers, Columns, Numbers

BUFFERS = ("square", "mean", "velocity")


def rmsprop_numbers(settings: Settings, *, pace: Pace, num_updates: int) -> Numbers:  # noqa: ARG001 (as its siblings)
    """(η, α, 1-α, ε, λ, μ, centered)."""
    optimizer = settings.optimizer
    assert isinstance(optimizer, RmsProp)
    alpha, weight_decay = optimizer.alpha, settings.weight_decay
    return (pace.learning_rate, alpha, 1 - alpha, optimizer.eps, weight_decay, pace.momentum, optimizer.centered)


class RmsPropUpdate:
    """d = g + λθ; q = αq + (1-α)d²; m = αm + (1-α)d; v = μv + d / (√(q - m² if centered else q) + ε); θ -= ηv."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        columns = Columns(rows, like=like)
        self.write = columns.write
        self._rate, self._kept, self._share, *others = columns.each
        self._eps, self._weight_decay, self._momentum, centered = others
        self._centered = centered.bool() if any(numbers[-1] for numbers in rows) else None

    def apply(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """One update in place of weights, square, mean and velocity; the gradient stays as it is."""
        d, square = torch.addcmul(gradient, theta, self._weight_decay), buffers["square"]
        square.mul_(self._kept).addcmul_(d * d, self._share)
        spread = square if self._centered is None else self._centred(square, d=d, mean=buffers["mean"])
        velocity = buffers["velocity"].mul_(self._momentum).add_(d / spread.sqrt().add_(self._eps))
        theta.addcmul_(velocity, self._rate, value=-1)

    def _centred(self, square: Tensor, *, d: Tensor, mean: Tensor) -> Tensor:
        """The variance in the rows that are centred, at least 0: rounding can leave it below, and its root NaN."""
        assert self._centered is not None
        mean.lerp_(d, self._share * self._centered)  # that of the others stays 0, whoever stands beside them
        variance = torch.addcmul(square, mean, mean, value=-1).clamp_(min=0)
        return torch.where(self._centered, variance, square)
