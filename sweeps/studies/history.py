"""The trials that TPE looks at, in columns: it looks at all of them at every ask."""

from bisect import insort
from collections.abc import Collection, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

from sweeps.studies.lessons import Asked

Rank: TypeAlias = tuple[int, int, float]
Rows: TypeAlias = NDArray[np.float64]

FEWEST_ROWS = 64


class History:
    """A row for each trial, by number: its parameters as Optuna's numbers, NaN where one took no part."""

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions = distributions
        self._columns = {name: index for index, name in enumerate(distributions)}
        self._values: Rows = np.full((FEWEST_ROWS, len(distributions)), np.nan)
        self._counts = np.zeros(FEWEST_ROWS, dtype=bool)
        self._rows: dict[int, int] = {}
        self._num_rows = 0
        self._ranked: list[tuple[Rank, int]] = []  # the lowest first; where equal, the earlier trial

    @property
    def num_ranked(self) -> int:
        """How many trials ended with something to learn from."""
        return len(self._ranked)

    def begin(self, asked: Asked) -> None:
        """A trial is in flight; its number is higher than that of every one before."""
        row = self._num_rows
        if row == len(self._values):
            self._values = np.concatenate((self._values, np.full_like(self._values, np.nan)))
            self._counts = np.concatenate((self._counts, np.zeros_like(self._counts)))
        for name, column in self._columns.items():
            if name in asked.settings:
                self._values[row, column] = self._distributions[name].to_internal_repr(asked.settings[name])
        self._counts[row] = True
        self._rows[asked.number] = row
        self._num_rows += 1

    def end(self, number: int, *, rank: Rank | None) -> None:
        """A trial ended, so well (lower is better); None: there is nothing to learn from it."""
        row = self._rows.pop(number)
        if rank is None:
            self._counts[row] = False
        else:
            insort(self._ranked, (rank, row))

    def parted(self, names: Collection[str], *, num_best: int) -> tuple[Rows, Rows]:
        """The best, and all others with those in flight: their values of these parameters, by number.

        Trials in which the parameters took no part are in neither.
        """
        best = np.zeros(self._num_rows, dtype=bool)
        best[[row for _, row in self._ranked[:num_best]]] = True
        values = self._values[: self._num_rows, [self._columns[name] for name in names]]
        counts = self._counts[: self._num_rows] & ~np.isnan(values).any(axis=1)
        return values[counts & best], values[counts & ~best]
