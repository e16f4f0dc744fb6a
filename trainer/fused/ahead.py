"""The next batches of all rows, gathered at once: one look into the data serves several updates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.data.datasets import Part
from trainer.training import Training

GATHERED_BYTES = 1 << 20
"""Inputs that are gathered at once, unless a single update of all rows needs more: they should stay in the cache."""


@dataclass(frozen=True)
class Ahead:
    """The batches of the next updates: x and y (updates, rows, batch, ...), and what each example counts in its mean.

    `shares` (updates, rows, batch) is 1 / (the size of the batch), and 0 where the last batch of an epoch has no more
    examples: its first one stands there again. `sizes[i][j]` is the size of row j's batch in update i, of rows taken.
    """

    x: Tensor
    y: Tensor
    shares: Tensor
    sizes: Sequence[Sequence[int]]


class Gathering:
    """Gathers the batches of rows that share data and batch size."""

    def __init__(self, train: Part, *, batch_size: int) -> None:
        self._train = train
        self._batch_size = batch_size
        self.steps_per_epoch = -(-len(train.x) // batch_size)
        last = len(train.x) - (self.steps_per_epoch - 1) * batch_size
        self._sizes = np.full(self.steps_per_epoch, batch_size)
        self._sizes[-1] = last
        self._shares = train.x.new_zeros((self.steps_per_epoch, batch_size), dtype=torch.float64)
        for step, size in ((slice(None, -1), batch_size), (-1, last)):
            self._shares[step, :size] = 1 / size

    def most_updates(self, *, num_rows: int) -> int:
        """How many updates of so many rows are gathered at once."""
        x = self._train.x
        return max(1, GATHERED_BYTES // (num_rows * self._batch_size * x[0].numel() * x.element_size()))

    def padded_order(self, order: Tensor | None) -> Tensor:
        """An epoch's order in whole batches, (steps_per_epoch, batch size), int32 on the device of the data."""
        num_examples, device = len(self._train.x), self._train.x.device
        order = torch.arange(num_examples) if order is None else order
        whole = torch.empty(self.steps_per_epoch * self._batch_size, dtype=torch.int32)
        whole[:num_examples] = order
        whole[num_examples:] = order[(self.steps_per_epoch - 1) * self._batch_size]
        return whole.view(self.steps_per_epoch, self._batch_size).to(device)

    def gather(self, orders: Tensor, *, rows: Sequence[Training], num_updates: int, like: Tensor) -> Ahead:
        """The next batches of the rows (and of what lies behind them in `orders`), none beyond an epoch's end.

        `orders` is (rows computed, steps_per_epoch, batch size).
        """
        num_rows, device = len(orders), self._train.x.device
        steps = np.zeros((num_updates, num_rows), dtype=np.int64)
        steps[:, : len(rows)] = [row.counters.step for row in rows]
        steps[:, : len(rows)] += np.arange(num_updates)[:, None]
        at = torch.from_numpy(steps).to(device)
        examples = orders[torch.arange(num_rows, device=device), at]  # (updates, rows, batch)
        shape, flat = examples.shape, examples.flatten()
        x, y = (part.index_select(0, flat).view(*shape, *part.shape[1:]) for part in self._train)
        return Ahead(
            x=x, y=y, shares=self._shares.to(like.dtype)[at], sizes=self._sizes[steps[:, : len(rows)]].tolist()
        )
