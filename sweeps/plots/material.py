"""What a plot is drawn from: a sweep's space and metric, and how its trials went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sweeps.insights.outcomes import Judged, Outcome
from sweeps.insights.varied import varied
from sweeps.space.parameters import Choices, Range
from sweeps.space.search_space import SearchSpace
from trainer.config import MetricConfig
from trainer.task import RangeCurve

Curve: TypeAlias = Mapping[int, float | None]
"""A metric by epoch, from 1; None: not finite."""

LARGEST = 1e100
"""Values further from 0 are drawn here: the distance of two must be a number too."""


def bounded(value: float) -> float:
    """A finite value as it is drawn."""
    return min(max(value, -LARGEST), LARGEST)


@dataclass(frozen=True)
class Material:
    """All that the plots of one sweep may need; a plot takes its part.

    `outcomes` are in the order of ending, those that have not ended last. `best` and `baseline` are numbers of trials.
    `shares` are the importances of the parameters, adding up to 1; empty where they are not known. `curves` hold
    `curve_metric` by trial.
    """

    name: str
    metric: MetricConfig
    space: SearchSpace
    outcomes: Sequence[Outcome]
    best: int | None = None
    baseline: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    curve_metric: str = ""
    curves: Mapping[int, Curve] = field(default_factory=dict)
    range_test: RangeCurve | None = None

    @property
    def maximize(self) -> bool:
        """Whether a higher value is better."""
        return self.metric.goal == "maximize"

    def parameters(self) -> dict[str, Choices | Range]:
        """What was searched and can differ between trials: neither what is fixed nor what a coordinate led to."""
        return varied(self.space)

    def leading(self, most: int) -> dict[str, Choices | Range]:
        """The parameters in the order of the space: all, or so many of the most important ones."""
        parameters = self.parameters()
        kept = sorted(parameters, key=lambda name: -self.shares.get(name, 0.0))[:most]
        return {name: parameter for name, parameter in parameters.items() if name in kept}

    @property
    def metric_title(self) -> str:
        """The name of the metric as that of an axis."""
        return f"{self.metric.name} ({'higher' if self.maximize else 'lower'} is better)"

    def valued(self) -> list[Judged]:
        """The trials with a value, each with it (`bounded`), in the order of ending."""
        return [(each, bounded(each.value)) for each in self.outcomes if each.value is not None]

    def best_first(self) -> list[Judged]:
        """The trials with a value from the best to the worst; the answer of the sweep leads."""
        sign = -1.0 if self.maximize else 1.0
        return sorted(self.valued(), key=lambda one: (one[0].number != self.best, sign * one[1], one[0].number))
