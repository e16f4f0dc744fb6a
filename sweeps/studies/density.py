"""A draw of TPE: the point that lies nearest to the best trials and farthest from the others.

Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (2011), in the form of Optuna's multivariate
TPESampler, whose estimators these are and whose draws; only how likely a point is under them is computed here, for that
took half of the time.
"""

from collections.abc import Mapping, Sequence
from math import erfc, pi, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from optuna.samplers._tpe.sampler import default_weights

from sweeps.studies.history import Rows

Numbers: TypeAlias = NDArray[np.float64]

NUM_CANDIDATES = 24
MOST_STEPS = 64
"""Steps of a range beyond which it is taken for a continuous one: Optuna's TPE integrates over every step."""
AS_IN_OPTUNA = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)
ALL_WIDTHS = 9.0
"""Beyond so many standard deviations a double sees nothing of a normal distribution."""
ROOT_TWO_PI = sqrt(2 * pi)
SQRT_HALF = sqrt(0.5)


def drawn(
    group: Mapping[str, BaseDistribution], *, best: Rows, others: Rows, dice: RandomState
) -> dict[str, float | int | str | bool]:
    """Values for these parameters together; the columns of `best` and `others` are theirs, in this order."""
    space = {name: _smooth(each) for name, each in group.items()}
    near, far = (
        _ParzenEstimator(dict(zip(space, rows.T, strict=True)), space, AS_IN_OPTUNA) for rows in (best, others)
    )
    points = near.sample(dice, NUM_CANDIDATES)
    chosen = int(np.argmax(log_density(near, points=points) - log_density(far, points=points)))
    values = {name: space[name].to_external_repr(column[chosen].item()) for name, column in points.items()}
    return {name: _inside(value, distribution=group[name]) for name, value in values.items()}


def log_density(estimator: _ParzenEstimator, *, points: Mapping[str, Numbers]) -> Numbers:
    """What the estimator's `log_pdf` answers, but for the last bits.

    A fifth of its time for continuous ranges and choices: squares alone are computed for each point and kernel.
    """
    mixture = estimator._mixture_distribution
    every = list(zip(mixture.distributions, points.values(), strict=True))
    ranges = [(each, column) for each, column in every if not isinstance(each, _BatchedCategoricalDistributions)]
    if not (ranges and all(_is_plain(each, column) for each, column in ranges)):  # without one, points tie to the bit
        return np.asarray(estimator.log_pdf(dict(points)))
    logs = _of_ranges(ranges)
    logs += np.log(mixture.weights)
    for each, column in every:
        if isinstance(each, _BatchedCategoricalDistributions):
            logs += np.log(each.weights).T[column.astype(np.int64)]
    highest = logs.max(axis=1)
    logs -= highest[:, np.newaxis]
    return np.asarray(np.log(np.exp(logs, out=logs).sum(axis=1)) + highest)


def _is_plain(kernels: Any, column: Numbers) -> bool:
    """Whether these are truncated normal distributions, and the points lie within them."""
    return bool(kernels.step == 0 and (column >= kernels.low).all() and (column <= kernels.high).all())


def _of_ranges(ranges: Sequence[tuple[Any, Numbers]]) -> Numbers:
    """The logarithms of the densities of each point (a row) under each kernel: products over the ranges."""
    means, widths = (np.array([getattr(each, name) for each, _ in ranges]) for name in ("mu", "sigma"))
    lows, highs = (np.array([[getattr(each, name)] for each, _ in ranges]) for name in ("adapted_low", "adapted_high"))
    masses = 1 - _tails((means - lows) / widths) - _tails((highs - means) / widths)
    constants = -np.log(masses * widths * ROOT_TWO_PI).sum(axis=0)
    logs = np.zeros((len(ranges[0][1]), len(constants)))
    for (each, column), mean, width in zip(ranges, means, widths, strict=True):
        apart = (np.log(column) if each.is_log else column)[:, np.newaxis] - mean
        apart /= width
        logs += np.square(apart, out=apart)
    logs *= -0.5
    logs += constants
    return logs


def _tails(widths_away: Numbers) -> Numbers:
    """How much of a normal distribution lies beyond an end of a range that is so many standard deviations away."""
    tails = np.zeros_like(widths_away)
    near = widths_away < ALL_WIDTHS
    tails[near] = [0.5 * erfc(each) for each in (widths_away[near] * SQRT_HALF).tolist()]
    return tails


def _smooth(distribution: BaseDistribution) -> BaseDistribution:
    """A continuous range in the place of one of very many steps; each end keeps half a step of its own."""
    if not isinstance(distribution, IntDistribution | FloatDistribution) or distribution.step is None:
        return distribution
    low, high, half = distribution.low, distribution.high, distribution.step / 2
    if (high - low) / distribution.step <= MOST_STEPS:
        return distribution
    return FloatDistribution(low - half, high + half, log=distribution.log)


def _inside(value: Any, *, distribution: BaseDistribution) -> Any:
    """The value of a range that is nearest to a drawn one: rounding may have put that beyond an end."""
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        return value
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is None:
        return min(max(value, low), high)
    return min(low + min(max(round((value - low) / step), 0), round((high - low) / step)) * step, high)
