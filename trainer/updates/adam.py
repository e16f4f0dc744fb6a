"""Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) in PyTorch's form, for many trials at once."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.course.schedules import Pace
from trainer.kinds import Adam, AdamW
from trainer.settings import Settings
from trainer.updates.columns import Buffers, Columns, Numbers

BUFFERS = ("mean", "square")


def adam_numbers(settings: Settings, *, pace: Pace, num_updates: int) -> Numbers:
    """(step size, 1-β1, β2, 1-β2, root of the second correction, ε, λ, what decay leaves of θ), after `num_updates`."""
    optimizer = settings.optimizer
    assert isinstance(optimizer, Adam | AdamW)
    beta1, beta2, t = optimizer.beta1, optimizer.beta2, num_updates + 1
    decoupled = isinstance(optimizer, AdamW)
    return (
        pace.learning_rate / (1 - beta1**t),
        1 - beta1,
        beta2,
        1 - beta2,
        math.sqrt(1 - beta2**t),
        optimizer.eps,
        0.0 if decoupled else settings.weight_decay,
        1 - pace.learning_rate * settings.weight_decay if decoupled else 1.0,
    )


class AdamUpdate:
    """d = g + λθ; m = β1·m + (1-β1)d; q = β2·q + (1-β2)d²; θ = (1-ηλ')θ - η·m̂ / (√q̂ + ε), with λ' AdamW's λ."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        columns = Columns(rows, like=like)
        self.write = columns.write
        self._rate, self._mean_share, self._square_kept, *others = columns.each
        self._square_share, self._correction, self._eps, self._weight_decay, self._kept = others

    def apply(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """One update in place of weights, mean and square; the gradient stays as it is."""
        mean, square = buffers["mean"], buffers["square"]
        d = torch.addcmul(gradient, theta, self._weight_decay)
        mean.lerp_(d, self._mean_share)
        square.mul_(self._square_kept).addcmul_(d * d, self._square_share)
        deviation = square.sqrt().div_(self._correction).add_(self._eps)
        theta.mul_(self._kept).addcmul_(mean / deviation, self._rate, value=-1)
