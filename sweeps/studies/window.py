"""The part of a long history that TPE sees, so that asking stays cheap (at most 1,000 trials that taught something)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

FIRST_WINDOW_TELLS = 1000
TELLS_BETWEEN_WINDOWS = 250
NUM_BEST = 250
NUM_LATEST = 500

Item = TypeVar("Item")


def window_start(num_told: int) -> int:
    """The number of tells at which the window in force was drawn; 0 before the first one."""
    if num_told < FIRST_WINDOW_TELLS:
        return 0
    return num_told - (num_told - FIRST_WINDOW_TELLS) % TELLS_BETWEEN_WINDOWS


def windowed(told: Sequence[Item], *, rank: Callable[[Item], Any]) -> list[Item]:
    """What is seen of all that was told, in the order of telling.

    The best (lowest `rank`) 250 and the latest 500 at the last redrawing, and all since. It hangs on `told` alone, so
    a restart draws the same window.
    """
    start = window_start(len(told))
    if start == 0:
        return list(told)
    best = sorted(range(start), key=lambda index: rank(told[index]))[:NUM_BEST]
    latest = range(start - NUM_LATEST, start)
    seen = sorted({*best, *latest})
    return [told[index] for index in seen] + list(told[start:])
