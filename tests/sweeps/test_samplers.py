"""Samplers by name, and that ours draw what Optuna's draw where both do the same."""

import math
from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import BaseSampler, TPESampler

from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.studies.distributions import suggested
from sweeps.studies.samplers import sampler_of, trial_seed
from trainer.settings import Setting

PARAMETERS: dict[str, Parameter] = {
    "learning_rate": Range(low=1e-4, high=1.0, log=True),
    "batch_size": Range(low=1, high=64, integer=True),
    "nesterov": Choices(choices=(True, False)),
}
SPACE = SearchSpace(PARAMETERS)


def draws(sampler: Callable[[int], BaseSampler], *, num_trials: int) -> list[dict[str, Setting]]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    found = []
    for number in range(num_trials):
        study.sampler = sampler(number)
        trial = study.ask()
        settings = suggested(SPACE, trial=trial)
        study.tell(trial, (math.log10(float(settings["learning_rate"])) + 1) ** 2 + float(settings["nesterov"]))
        found.append(settings)
    return found


def test_our_tpe_draws_what_optunas_draws() -> None:
    ours = sampler_of("tpe", seed=3, space=SPACE)
    assert draws(ours, num_trials=40) == draws(
        lambda number: TPESampler(seed=trial_seed(3, number=number)), num_trials=40
    )


@pytest.mark.parametrize("kind", ["tpe", "random", "qmc", "cmaes"])
def test_the_same_seed_draws_the_same(kind: str) -> None:
    one, same, other = (draws(sampler_of(kind, seed=seed, space=SPACE), num_trials=15) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_seeds_of_trials_do_not_meet() -> None:
    seeds = {trial_seed(seed, number=number) for seed in range(50) for number in range(50)}
    assert len(seeds) == 2500
    assert max(seeds) < 2**32
