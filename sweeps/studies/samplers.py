"""Optuna's samplers by name, made anew for every trial so that a rebuilt study goes on as if nothing had happened."""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from typing import TypeAlias

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, QMCSampler, RandomSampler
from optuna.trial import FrozenTrial

from sweeps.space.search_space import SearchSpace
from sweeps.studies.distributions import distributions_of

SamplerOf: TypeAlias = Callable[[int], BaseSampler]
"""The sampler of a trial, by the trial's number."""

LEARNING_SAMPLERS = frozenset({"tpe", "cmaes"})
"""Those who look at earlier trials."""


def sampler_of(kind: str, *, seed: int, space: SearchSpace) -> SamplerOf:
    """Optuna's samplers of a sweep. `kind` is one of random, cmaes and qmc; `seed` is the sweep's sampler.seed."""
    distributions = {name: each for name, each in sorted(distributions_of(space).items()) if not each.single()}
    if kind == "qmc":
        sobol = _sobol(seed, distributions=distributions)
        return lambda _number: sobol
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "random": lambda seed: RandomSampler(seed=seed),
        "cmaes": lambda seed: CmaEsSampler(seed=seed, warn_independent_sampling=False),
    }
    make = makers[kind]
    return lambda number: make(trial_seed(seed, number=number))


def trial_seed(seed: int, *, number: int) -> int:
    """32 bits for one trial of one sweep: a hash, since sums of small seeds and numbers meet."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4], "big")


class Sobol(QMCSampler):
    """Scrambled Sobol points from the very first trial on, over conditional parameters too.

    Optuna's own waits for a first finished trial and draws at random until then. It keeps its place in the sequence
    in the study's attributes and nothing in itself, so one instance serves a whole sweep.
    """

    def __init__(self, *, seed: int, space: Mapping[str, BaseDistribution]) -> None:
        super().__init__(scramble=True, seed=seed, warn_independent_sampling=False)
        self._space = dict(space)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space; what is inactive in a trial is drawn and dropped."""
        del study, trial
        return self._space


def _sobol(seed: int, *, distributions: Mapping[str, BaseDistribution]) -> Sobol:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return Sobol(seed=trial_seed(seed, number=-1), space=distributions)
