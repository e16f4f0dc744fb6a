"""Parameters as Optuna sees them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from sweeps.space.parameters import Choices, Range
from sweeps.space.search_space import SearchSpace
from trainer.settings import Setting


def distributions_of(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The distributions of a space's parameters; fixed ones have none."""
    return {name: _distribution(parameter) for name, parameter in space.searched().items()}


def suggested(space: SearchSpace, *, trial: Trial) -> dict[str, Setting]:
    """Settings for a trial: every active parameter of the space, the fixed ones too."""
    settings: dict[str, Setting] = {}
    for name, parameter in space.parameters.items():
        if space.is_active(name, settings=settings):
            settings[name] = _suggest(trial, name, parameter) if isinstance(parameter, Choices | Range) else parameter
    return settings


def _distribution(parameter: Choices | Range) -> BaseDistribution:
    if isinstance(parameter, Choices):
        return CategoricalDistribution(parameter.choices)
    if parameter.integer:
        step = int(parameter.step or 1)
        return IntDistribution(int(parameter.low), int(parameter.top), log=parameter.log, step=step)
    with _high_moved_to_the_last_step():
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)


def _suggest(trial: Trial, name: str, parameter: Choices | Range) -> Setting:
    if isinstance(parameter, Choices):
        return cast(Setting, trial.suggest_categorical(name, parameter.choices))
    if parameter.integer:
        step = int(parameter.step or 1)
        return int(trial.suggest_int(name, int(parameter.low), int(parameter.top), log=parameter.log, step=step))
    with _high_moved_to_the_last_step():
        return float(trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log, step=parameter.step))


@contextmanager
def _high_moved_to_the_last_step() -> Iterator[None]:
    # Optuna does with `high` what Range.top does, and warns. Given `top` it would do so again where that is rounded.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not divisible by `step`", category=UserWarning)
        yield
