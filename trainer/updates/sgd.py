"""Stochastic gradient descent in PyTorch's and in the classical form, for many trials at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.course.schedules import Pace
from trainer.settings import Settings
from trainer.updates.columns import Buffers, Columns, Numbers

BUFFERS = ("velocity",)


def sgd_numbers(settings: Settings, *, pace: Pace, num_updates: int) -> Numbers:
    """(r, s, μ, λ, nesterov) of the update that follows `num_updates` others.

    Both forms are v = μv + s·d; θ -= r·v. PyTorch's has the learning rate in r, and s = 1-τ, but 1 at the first update
    (the first velocity is d) and where there is no momentum (it then steps along d itself). The classical form has the
    learning rate in s, so that a step once taken into the velocity keeps the rate of its day.
    """
    eta, mu = pace.learning_rate, pace.momentum
    if settings.velocity == "classical":
        return (1.0, eta, mu, settings.weight_decay, settings.nesterov)
    share = 1.0 if num_updates == 0 or mu == 0 else 1 - settings.dampening
    return (eta, share, mu, settings.weight_decay, settings.nesterov)


class SgdUpdate:
    """d = g + λθ; v = μv + s·d; θ -= r·(s·d + μv if nesterov else v)."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        self.columns = Columns(rows, like=like)
        self._rate, self._share, self._momentum, self._weight_decay, nesterov = self.columns.each
        # Where nobody looks ahead, the two operations for it are saved.
        self._nesterov = nesterov.bool() if any(numbers[-1] for numbers in rows) else None

    def apply(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """One update in place of weights and velocity; the gradient stays as it is."""
        d, velocity = torch.addcmul(gradient, theta, self._weight_decay), buffers["velocity"]
        velocity.mul_(self._momentum).addcmul_(d, self._share)
        direction = velocity
        if self._nesterov is not None:
            ahead = torch.addcmul(d * self._share, velocity, self._momentum)
            direction = torch.where(self._nesterov, ahead, velocity)
        theta.addcmul_(direction, self._rate, value=-1)
