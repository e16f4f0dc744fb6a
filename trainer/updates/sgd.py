"""Stochastic gradient descent in PyTorch's and in the classical form, for many trials at once."""

from collections.abc import Sequence
from sys import float_info
from typing import TypeAlias

import torch
from torch import Tensor

from trainer.course.schedules import Pace
from trainer.settings import Settings
from trainer.updates.columns import Buffers, Columns, Numbers, Update

BUFFERS = ("velocity",)
LONG_ROW = 16384
"""Weights from which on rows are updated one at a time; shorter ones lose more by calls than they gain by passes."""

Pieces: TypeAlias = list[Tensor] | tuple[Tensor, ...]
"""A row as tensors, one for each parameter or one for all."""


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


def sgd_update(rows: Sequence[Numbers], *, like: Tensor) -> Update:
    """The update whichever is faster for rows of so many weights: never a matter of their number, for bits differ."""
    by_rows = like.device.type == "cpu" and like.shape[1] >= LONG_ROW
    return SgdByRows(rows, like=like) if by_rows else SgdByColumns(rows, like=like)


def is_one_pass(numbers: Numbers) -> bool:
    """What `in_one_pass` can do: looking ahead it would take d for s·d."""
    _, share, _, _, nesterov = numbers
    return not nesterov or share == 1


def in_one_pass(theta: Pieces, *, velocity: Pieces, gradient: Pieces, numbers: Numbers) -> None:
    """The update of one row, in pieces that lie alike in memory: the kernel of torch.optim.SGD(fused=True).

    It reads and writes every number once, where operations one after the other come back to it four times.
    """
    rate, share, momentum, weight_decay, nesterov = numbers
    torch._fused_sgd_(
        theta,
        gradient,
        velocity,
        weight_decay=weight_decay,
        momentum=momentum or float_info.min,  # for 0 the kernel wants no velocity, which a later momentum would miss
        lr=rate,
        dampening=1 - share,
        nesterov=bool(nesterov),
        maximize=False,
        is_first_step=False,  # the first v follows from v = 0 and s = 1
    )


class SgdByRows:
    """d = g + λθ; v = μv + s·d; θ -= r·(s·d + μv if nesterov else v), a row after the other."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        self._like = like.new_empty(0)
        self.write(rows)

    def write(self, rows: Sequence[Numbers]) -> None:
        """See Update."""
        self._rows = [
            (numbers, None if is_one_pass(numbers) else SgdByColumns([numbers], like=self._like)) for numbers in rows
        ]

    def apply(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """One update in place of weights and velocity; the gradient stays as it is."""
        each = (self._rows, theta.unbind(), buffers["velocity"].unbind(), gradient.unbind())
        for (numbers, by_columns), weights, velocity, own in zip(*each, strict=True):
            if by_columns is None:
                in_one_pass((weights,), velocity=(velocity,), gradient=(own,), numbers=numbers)
            else:
                by_columns.apply(weights[None], buffers={"velocity": velocity[None]}, gradient=own[None])


class SgdByColumns:
    """The same, all rows in each operation."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        columns = Columns(rows, like=like)
        self.write = columns.write
        self._rate, self._share, self._momentum, self._weight_decay, nesterov = columns.each
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
