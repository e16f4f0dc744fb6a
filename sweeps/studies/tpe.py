"""TPE over a space that is known beforehand, its conditions included."""

from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from sweeps.space.parameters import Choices, Range
from sweeps.space.search_space import SearchSpace, conditions_of
from sweeps.studies.distributions import distributions_of
from trainer.settings import Setting

FIXED = "fixed_params"
"""Where Optuna keeps the enqueued values of a trial."""
MOST_STEPS = 64
"""Steps of a range beyond which it is taken for a continuous one."""


class Tpe(TPESampler):
    """TPE that draws the parameters of equal conditions together, parents first.

    Optuna's own finds the common parameters by comparing all earlier trials at every ask, a quarter of the whole cost,
    and draws each conditional one by itself, at the cost of a whole draw. It also integrates over every step of a
    range: 16 ms an ask after 1,000 trials with 512 steps, a continuous range in its place 7 ms.
    """

    def __init__(self, *, seed: int, space: SearchSpace) -> None:
        super().__init__(seed=seed)
        self._space = space
        self._distributions = {name: each for name, each in distributions_of(space).items() if not each.single()}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All that may be drawn together."""
        del study, trial
        return self._distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for the parameters that are active in this trial; none while TPE still draws at random."""
        drawn: dict[str, Any] = {}
        settings: dict[str, Setting] = {}
        enqueued = trial.system_attrs.get(FIXED, {})
        for name, parameter in self._space.parameters.items():
            if not self._space.is_active(name, settings=settings):
                continue
            if name in search_space and name not in drawn:
                group = {other: each for other, each in search_space.items() if self._beside(other, name)}
                drawn |= self._drawn(study, trial, group)
                if name not in drawn:
                    return {}
            only = parameter.nearest(0) if isinstance(parameter, Choices | Range) else parameter
            settings[name] = enqueued.get(name, drawn.get(name, only))
        return drawn

    def _beside(self, one: str, other: str) -> bool:
        return conditions_of(self._space.parameters[one]) == conditions_of(self._space.parameters[other])

    def _drawn(self, study: optuna.Study, trial: FrozenTrial, group: dict[str, BaseDistribution]) -> dict[str, Any]:
        """A joint draw, those from a range of many steps put back on a step."""
        drawn = super().sample_relative(study, trial, {name: _smooth(each) for name, each in group.items()})
        return {name: _on_step(value, distribution=group[name]) for name, value in drawn.items()}


def _smooth(distribution: BaseDistribution) -> BaseDistribution:
    """A continuous range in the place of one of very many steps; each end keeps half a step of its own."""
    if not isinstance(distribution, IntDistribution | FloatDistribution) or distribution.step is None:
        return distribution
    low, high, half = distribution.low, distribution.high, distribution.step / 2
    if (high - low) / distribution.step <= MOST_STEPS:
        return distribution
    return FloatDistribution(low - half, high + half, log=distribution.log)


def _on_step(value: Any, *, distribution: BaseDistribution) -> Any:
    """The step of a range that is nearest to a value."""
    if not isinstance(distribution, IntDistribution | FloatDistribution) or distribution.step is None:
        return value
    last = round((distribution.high - distribution.low) / distribution.step)
    steps = min(max(round((value - distribution.low) / distribution.step), 0), last)
    return distribution.low + steps * distribution.step
