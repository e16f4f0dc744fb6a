"""The axis of a metric: logarithmic where it spans decades, and cut where a few values lie far from the rest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOG_RATIO = 100.0
"""A scale is logarithmic where nine tenths of the positive values reach from the smallest to so many times it."""
CUT_SPREADS = 4.0
"""What is further from the best value than so many times the distance of the middle one is not shown ..."""
SHOWN_SHARE = 0.75
"""... but this share of all values always is."""
FEWEST_CUT = 8
"""Fewer values than this are all shown."""
MARGIN_SHARE = 0.05


@dataclass(frozen=True)
class ValueAxis:
    """How values of a metric are shown: those from `low` to `high`."""

    log: bool
    low: float
    high: float

    def place(self, value: float) -> float:
        """A value as a number on the axis: its logarithm (base 10) where the axis is logarithmic."""
        return math.log10(value) if self.log else value

    def inside(self, value: float) -> float:
        """A value, or the nearest one that is shown."""
        return min(max(value, self.low), self.high)

    def num_beyond(self, values: Sequence[float]) -> int:
        """How many of the values are not shown."""
        return sum(not self.low <= value <= self.high for value in values)

    def layout(self) -> dict[str, object]:
        """The part of plotly.js' axis."""
        low, high = self.place(self.low), self.place(self.high)
        margin = MARGIN_SHARE * (high - low) if high > low else max(MARGIN_SHARE * abs(low), 1e-6)
        kind = {"type": "log", "dtick": 1 if high - low > 1 else "D2"} if self.log else {"type": "linear"}
        return kind | {"range": [low - margin, high + margin]}


def value_axis(values: Sequence[float], *, maximize: bool | None) -> ValueAxis:
    """The axis for finite values, of which there is at least one. `maximize` None: none is better, all are shown."""
    log = not maximize and min(values) > 0 and _ninth_tenth(values) / min(values) >= LOG_RATIO
    whole = ValueAxis(log=log, low=min(values), high=max(values))
    if maximize is None:
        return whole
    places = sorted((whole.place(value) for value in values), reverse=maximize)
    best, middle, kept = (places[math.floor(share * (len(places) - 1))] for share in (0, 0.5, SHOWN_SHARE))
    reach = max(CUT_SPREADS * abs(middle - best), abs(kept - best))
    if reach == 0 or len(places) < FEWEST_CUT:
        return whole
    shown = [value for value in values if abs(whole.place(value) - best) <= reach]
    return ValueAxis(log=log, low=min(shown), high=max(shown))


def _ninth_tenth(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.9 * (len(values) - 1))]
