"""Round numbers on an axis, with their labels."""

import math

MOST_STEPS = 6
MOST_DECADES = 4
LEAST_WIDTH = 1e-290
"""Below it a share of the width has no logarithm."""


def number_ticks(low: float, *, high: float) -> tuple[list[float], list[str]]:
    """At most seven multiples of 1, 2 or 5 times a power of ten."""
    if high - low < LEAST_WIDTH:
        return [low], [f"{low:.6g}"]
    power = 10.0 ** math.floor(math.log10((high - low) / MOST_STEPS))
    step = next(power * factor for factor in (1, 2, 5, 10) if (high - low) / (power * factor) <= MOST_STEPS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = [index * step for index in range(first, last + 1)]
    return places, [f"{place:.6g}" for place in places]


def log_ticks(low: float, *, high: float) -> tuple[list[float], list[str]]:
    """At most four powers of ten between two logarithms; both ends and the middle where there are fewer than two."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    every = math.ceil((last - first + 1) / MOST_DECADES)
    places = [float(place) for place in range(first, last + 1, max(1, every))]
    if len(places) < 2:
        places = [low, (low + high) / 2, high]
    return places, [_power(place) for place in places]


def _power(place: float) -> str:
    """10 to `place`, as people write it: 1e-6, not 1e-06."""
    mantissa, _, exponent = f"{10**place:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
