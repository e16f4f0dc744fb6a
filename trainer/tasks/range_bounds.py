"""Bounds for a search over learning rates, read off a range test. Pure, torch-free."""

import math
from collections.abc import Sequence

USEFUL_BELOW, USEFUL_ABOVE = 0.1, 0.5
"""A rate is useful when its brief training gained at least this share of what the best one gained: little is enough
below the best rate, where a longer training catches up, and not above it, where it comes to diverge."""
PATIENCE_FACTOR = 3.0
"""Whole trainings are longer than a range test: rates this much below the lowest useful one are searched too."""


def proposed_bounds(
    rates: Sequence[float], *, losses: Sequence[float | None], first_loss: float
) -> tuple[float, float]:
    """Where to search: (low, high), low < high, from the loss after a brief training at each of the ascending rates.

    `high` is the highest useful rate: the next one gained little or diverged. `low` lies PATIENCE_FACTOR below the
    lowest useful one, but not below the lowest tested, unless that is the only useful one. Where no rate gained
    anything all of them are proposed.
    (After Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3: the rates between which the
    loss falls and before it rises again.)
    """
    gains = [first_loss - loss if loss is not None else -math.inf for loss in losses]
    best = max(range(len(gains)), key=gains.__getitem__)
    if gains[best] <= 0:
        return rates[0], rates[-1]
    lowest = highest = best
    while lowest > 0 and gains[lowest - 1] >= USEFUL_BELOW * gains[best]:
        lowest -= 1
    while highest + 1 < len(rates) and gains[highest + 1] >= USEFUL_ABOVE * gains[best]:
        highest += 1
    low = max(rates[0], rates[lowest] / PATIENCE_FACTOR)
    high = rates[highest]
    return (low, high) if low < high else (high / PATIENCE_FACTOR, high)
