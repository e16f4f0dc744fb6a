"""The axis of a parameter: numbers on their scale, choices side by side as text."""

import math
from dataclasses import dataclass
from typing import Any

from sweeps.plots.figure import axis, short
from sweeps.plots.ticks import log_ticks, number_ticks
from sweeps.space.parameters import Choices, Range, same
from trainer.settings import Setting

GOLDEN = 0.618033988749895
JITTER = 0.5
MOST_TICKS = 12


@dataclass(frozen=True)
class ParameterAxis:
    """A parameter as an axis. Places are numbers: the value, its logarithm (base 10), or the index of the choice."""

    name: str
    parameter: Choices | Range

    @property
    def title(self) -> str:
        """The name of the axis, with its scale."""
        return f"{self.name} (log)" if self.log else self.name

    @property
    def log(self) -> bool:
        """Whether the parameter is searched on a log scale."""
        return isinstance(self.parameter, Range) and self.parameter.log

    @property
    def ends(self) -> tuple[float, float]:
        """The places of the first and last value that can be drawn."""
        if isinstance(self.parameter, Choices):
            return 0.0, float(len(self.parameter.choices) - 1)
        return self.place(self.parameter.low), self.place(self.parameter.top)

    def place(self, setting: Setting) -> float:
        """Where a setting of this parameter lies."""
        if isinstance(self.parameter, Choices):
            return float(next(i for i, choice in enumerate(self.parameter.choices) if same(choice, setting)))
        return math.log10(float(setting)) if self.log else float(setting)

    def spread(self, setting: Setting, *, number: int) -> float:
        """Where a trial's point lies: as `place`, but points of one choice stand a little apart."""
        if isinstance(self.parameter, Range):
            return self.place(setting)
        return self.place(setting) + JITTER * ((number * GOLDEN) % 1 - 0.5)

    def unit(self, setting: Setting) -> float:
        """Where a setting lies from 0 to 1."""
        low, high = self.ends
        return (self.place(setting) - low) / (high - low) if high > low else 0.5

    def ticks(self) -> tuple[list[float], list[str]]:
        """Places with their labels."""
        if isinstance(self.parameter, Choices):
            every = math.ceil(len(self.parameter.choices) / MOST_TICKS)
            kept = list(enumerate(self.parameter.choices))[::every]
            return [float(i) for i, _ in kept], [short(choice) for _, choice in kept]
        low, high = self.ends
        return log_ticks(low, high=high) if self.log else number_ticks(low, high=high)

    def layout(self, *, named: bool = True) -> dict[str, Any]:
        """The axis in a layout, for places; not `named`: without words, because a neighbour says the same."""
        low, high = self.ends
        wide = 0.5 if isinstance(self.parameter, Choices) else 0.03 * (high - low) or 0.5
        places, labels = self.ticks()
        ticks = {"tickvals": places, "ticktext": labels, "showticklabels": named}
        return axis(self.title if named else "", range=[low - wide, high + wide], **ticks)
