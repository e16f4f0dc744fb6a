"""The SGD update in PyTorch's form, for many trials at once: every row has its own settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainer.schedules import learning_rate
from trainer.settings import Settings


@dataclass(frozen=True)
class Rates:
    """The settings of one update as columns (rows, 1), one row per trial; `nesterov` is None where no row wants it."""

    learning_rate: Tensor
    momentum: Tensor
    gradient_share: Tensor
    weight_decay: Tensor
    nesterov: Tensor | None


def rates(rows: Sequence[Settings], *, num_updates: Sequence[int], like: Tensor) -> Rates:
    """The columns for the update that follows `num_updates[i]` others of row i; dtype and device are those of `like`.

    `gradient_share` is 1 - dampening, but 1 at a row's first update (its first velocity is d) and where there is no
    momentum (PyTorch then steps along d itself).
    """
    shares = [
        1.0 if t == 0 or row.momentum == 0 else 1 - row.dampening for row, t in zip(rows, num_updates, strict=True)
    ]
    nesterov = [row.nesterov for row in rows]
    return Rates(
        learning_rate=_learning_rates(rows, num_updates=num_updates, like=like),
        momentum=_column([row.momentum for row in rows], like=like),
        gradient_share=_column(shares, like=like),
        weight_decay=_column([row.weight_decay for row in rows], like=like),
        nesterov=torch.tensor(nesterov, device=like.device)[:, None] if any(nesterov) else None,
    )


def rates_at(rates: Rates, *, rows: Sequence[Settings], num_updates: Sequence[int]) -> Rates:
    """The columns of a later update, no row's first, from those of one that was no row's first either."""
    return replace(rates, learning_rate=_learning_rates(rows, num_updates=num_updates, like=rates.learning_rate))


@torch.no_grad()
def update(theta: Tensor, *, velocity: Tensor, gradient: Tensor, rates: Rates) -> None:
    """One update in place of weights and velocity (rows, weights); the gradient stays as it is.

    d = g + λθ; v = μv + (1-τ)d; θ -= η(d + μv if nesterov else v). The velocity of a new row is 0.
    """
    d = torch.addcmul(gradient, theta, rates.weight_decay)
    velocity.mul_(rates.momentum).addcmul_(d, rates.gradient_share)
    direction = velocity
    if rates.nesterov is not None:
        direction = torch.where(rates.nesterov, torch.addcmul(d, velocity, rates.momentum), velocity)
    theta.addcmul_(direction, rates.learning_rate, value=-1)


def _learning_rates(rows: Sequence[Settings], *, num_updates: Sequence[int], like: Tensor) -> Tensor:
    return _column([learning_rate(t, settings=row) for row, t in zip(rows, num_updates, strict=True)], like=like)


def _column(values: Sequence[float], *, like: Tensor) -> Tensor:
    return torch.tensor([[value] for value in values], dtype=like.dtype, device=like.device)
