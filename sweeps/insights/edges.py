"""Whether the best settings lie at the edge of what was searched."""

import math
from collections.abc import Mapping

from sweeps.space.parameters import Range
from sweeps.spec import SweepSpec
from trainer.settings import Setting

EDGE_SHARE = 0.02


def edge_warnings(spec: SweepSpec, *, settings: Mapping[str, Setting]) -> list[str]:
    """One sentence for each range of a resolved spec in whose outermost 2% (on its own scale) the settings lie."""
    warnings = []
    for name, parameter in spec.search_space.searched().items():
        value = settings.get(name)
        if isinstance(parameter, Range) and isinstance(value, int | float) and parameter.low < parameter.top:
            edge = _edge(parameter, float(value))
            if edge is not None:
                warnings.append(f"{name} {value:g} lies at the {edge} edge of its range: better values may lie beyond.")
    return warnings


def _edge(parameter: Range, value: float) -> str | None:
    low, high, place = parameter.low, parameter.top, value
    if parameter.log:
        low, high, place = math.log(low), math.log(high), math.log(value)
    share = (place - low) / (high - low)
    if share <= EDGE_SHARE:
        return "lower"
    return "upper" if share >= 1 - EDGE_SHARE else None
