"""Numbers of many rows as columns, so that one operation updates every row with its own settings."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Numbers: TypeAlias = tuple[float, ...]
"""What an update needs to know of one row, in the order of the optimizer's own columns."""

Buffers: TypeAlias = Mapping[str, Tensor]
"""What an optimizer remembers between updates, by name, each (rows, weights), 0 at first."""


class Columns:
    """The numbers of all rows, each place of them a column (rows, 1), with dtype and device of `like`."""

    def __init__(self, rows: Sequence[Numbers], *, like: Tensor) -> None:
        self._matrix = torch.tensor(rows, dtype=like.dtype, device=like.device)
        self.each = torch.split(self._matrix, 1, dim=1)

    def write(self, rows: Sequence[Numbers]) -> None:
        """Other numbers of the same rows, into the same columns."""
        self._matrix.copy_(torch.tensor(rows, dtype=self._matrix.dtype))


class Update(Protocol):
    """An update of many rows. Every row ends as it would alone, to the last bit, whatever its neighbours hold."""

    def write(self, rows: Sequence[Numbers]) -> None:
        """Other numbers of the same rows."""

    def apply(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """Change weights (rows, weights) and buffers in place; the gradient stays as it is."""
