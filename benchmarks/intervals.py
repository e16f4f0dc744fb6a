"""Whether one sample is not lower than another, in the mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, variance

from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """The difference of two means, with the ends of its interval."""

    mean: float
    low: float
    high: float


def difference(ours: Sequence[float], *, theirs: Sequence[float]) -> Difference:
    """Ours less theirs, with Welch's two-sided interval at LEVEL. Two values a side at least."""
    found = mean(ours) - mean(theirs)
    of_ours, of_theirs = variance(ours) / len(ours), variance(theirs) / len(theirs)
    squared = of_ours + of_theirs
    if not squared:
        return Difference(found, found, found)
    freedom = squared**2 / (of_ours**2 / (len(ours) - 1) + of_theirs**2 / (len(theirs) - 1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * sqrt(squared)
    return Difference(found, found - half, found + half)
