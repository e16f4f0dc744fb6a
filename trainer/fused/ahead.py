"""The next batches of all rows, gathered at once: one look into the data serves several updates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.data.datasets import Part
from trainer.training import Training

GATHERED_BYTES = 1 << 20
"""Inputs that are gathered at once, unless a single update of all rows needs more: they should stay in the cache.

And the most that the outputs of these updates take.
"""


@dataclass(frozen=True)
class Ahead:
    """The batches of the next updates, one after the other: x and y (rows, batch, ...).

    `targets` (updates, rows, batch, ...) are all y. `shares` (updates, rows, batch) are what each example counts in its
    mean: 1 / (the size of the batch), and 0 where the last batch of an epoch has no more examples: its first one stands
    there again. `sizes[i][j]` is the size of row j's batch in update i, of rows taken. `weights` are one tensor an
    update: what the terms of its losses weigh in the sum that is differentiated, where a loss has terms.
    """

    x: Sequence[Tensor]
    y: Sequence[Tensor]
    targets: Tensor
    shares: Tensor
    sizes: Sequence[Sequence[int]]
    weights: Sequence[Tensor] = ()


class Gathering:
    """Gathers the batches of rows that share data and batch size.

    A model has `num_outputs` for an example, and these, like the shares, have this dtype.
    """

    def __init__(self, train: Part, *, batch_size: int, num_outputs: int, dtype: torch.dtype) -> None:
        self._train = train
        self._batch_size = batch_size
        self._bytes_of_example = max(train.x[0].nbytes, num_outputs * dtype.itemsize)
        self.steps_per_epoch = -(-len(train.x) // batch_size)
        last = len(train.x) - (self.steps_per_epoch - 1) * batch_size
        self._sizes = np.full(self.steps_per_epoch, batch_size)
        self._sizes[-1] = last
        self._shares = train.x.new_zeros((self.steps_per_epoch, batch_size), dtype=dtype)
        for step, size in ((slice(None, -1), batch_size), (-1, last)):
            self._shares[step, :size] = 1 / size

    def most_updates(self, *, num_rows: int) -> int:
        """How many updates of so many rows are gathered at once."""
        return max(1, GATHERED_BYTES // (num_rows * self._batch_size * self._bytes_of_example))

    def empty_order(self) -> Tensor:
        """Room for the order of an epoch, (steps_per_epoch, batch size), on the device of the data."""
        shape = (self.steps_per_epoch, self._batch_size)
        return torch.zeros(shape, dtype=torch.int32, device=self._train.x.device)

    def write_order(self, place: Tensor, *, order: Tensor | None) -> None:
        """An epoch's order in whole batches, into `place` (steps_per_epoch, batch size)."""
        num_examples = len(self._train.x)
        order = torch.arange(num_examples) if order is None else order
        whole = place.view(-1)
        whole[:num_examples] = order
        if num_examples < whole.shape[0]:
            whole[num_examples:] = order[(self.steps_per_epoch - 1) * self._batch_size]

    def gather(self, orders: Tensor, *, rows: Sequence[Training], num_updates: int) -> Ahead:
        """The next batches of the rows (and of what lies behind them in `orders`), none beyond an epoch's end.

        `orders` is (rows computed, steps_per_epoch, batch size).
        """
        num_rows, device = orders.shape[0], self._train.x.device
        first = np.zeros(num_rows, dtype=np.int64)
        first[: len(rows)] = [row.counters.step for row in rows]
        steps = first + np.arange(num_updates)[:, None]
        batches = torch.from_numpy(steps + self.steps_per_epoch * np.arange(num_rows)).to(device).flatten()
        examples = orders.view(-1, self._batch_size).index_select(0, batches).flatten()
        shape = (num_updates, num_rows, self._batch_size)
        x, y = (part.index_select(0, examples).view(*shape, *part.shape[1:]) for part in self._train)
        shares = self._shares.index_select(0, torch.from_numpy(steps).to(device).flatten()).view(shape)
        sizes = self._sizes[steps[:, : len(rows)]].tolist()
        return Ahead(x=x.unbind(), y=y.unbind(), targets=y, shares=shares, sizes=sizes)
