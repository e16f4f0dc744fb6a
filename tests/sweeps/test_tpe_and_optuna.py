"""That our TPE draws what Optuna's TPESampler draws, beside it, over everything that can become of a trial."""

import random
from collections.abc import Iterator, Mapping

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.trial import TrialState as OptunaState

from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from sweeps.studies.density import AS_IN_OPTUNA, log_density
from sweeps.studies.distributions import suggested
from sweeps.studies.lessons import lesson_of
from sweeps.studies.samplers import trial_seed
from sweeps.studies.tpe import TpeStudy
from trainer.config import Goal
from trainer.settings import Setting

SPACES: dict[str, dict[str, Parameter]] = {
    "ranges": {
        "learning_rate": Range(low=1e-4, high=1.0, log=True),
        "momentum": Range(low=0.0, high=0.99),
        "batch_size": Choices(choices=(16, 32, 64, 128)),
        "epsilon": 1e-8,
    },
    "steps": {
        "batch_size": Range(low=1, high=64, integer=True),
        "hidden": Range(low=1, high=40, integer=True, log=True),
        "momentum": Range(low=0.0, high=0.9, step=0.1),
        "learning_rate": Range(low=0.001, high=0.1),
    },
    "choices": {"nesterov": Choices(choices=(True, False)), "batch_size": Choices(choices=(16, "full"))},
}
IN_FLIGHT = 8

Told = tuple[TrialState, dict[int, float | None]]


class OptunasOwn:
    """A plain study with a TPESampler made anew for each trial, told what TpeStudy is told."""

    def __init__(self, space: SearchSpace, *, seed: int, goal: Goal) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._seed = space, seed
        self._study = optuna.create_study(direction=goal)
        self._trials: list[optuna.Trial] = []

    def ask(self, number: int, *, fixed: Mapping[str, Setting]) -> dict[str, Setting]:
        self._study.sampler = TPESampler(seed=trial_seed(self._seed, number=number))
        if fixed:
            self._study.enqueue_trial(dict(fixed))
        self._trials.append(self._study.ask())
        return suggested(self._space, trial=self._trials[number])

    def tell(self, number: int, *, state: TrialState, values: Mapping[int, float | None], best: float | None) -> None:
        trial = self._trials[number]
        if state in (TrialState.FAILED, TrialState.CANCELLED):
            self._study.tell(trial, state=OptunaState.FAIL)
        elif state is TrialState.COMPLETED:
            self._study.tell(trial, best)
        else:
            for epoch, value in values.items():
                if value is not None:
                    trial.report(value, epoch)
            self._study.tell(trial, state=OptunaState.PRUNED)


def endings(dice: random.Random) -> Iterator[Told]:
    """How trials end: with equal values now and then, and with none at all."""
    states = [TrialState.COMPLETED] * 4 + [TrialState.PRUNED] * 8
    states += [TrialState.DIVERGED, TrialState.FAILED, TrialState.CANCELLED]
    while True:
        state = dice.choice(states)
        values: dict[int, float | None] = {epoch: round(dice.random(), 1) for epoch in range(1, dice.choice((2, 4)))}
        yield state, {1: None} if state is TrialState.DIVERGED and dice.random() < 0.5 else values


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
@pytest.mark.parametrize("parameters", SPACES.values(), ids=SPACES.keys())
def test_our_tpe_draws_what_optunas_draws(parameters: dict[str, Parameter], goal: Goal) -> None:
    space, dice = SearchSpace(parameters), random.Random(4)
    ours, optunas = TpeStudy(space, seed=3, goal=goal), OptunasOwn(space, seed=3, goal=goal)
    told, in_flight = endings(dice), {}
    for number in range(160):
        fixed: dict[str, Setting] = {"batch_size": 16} if number % 19 == 5 else {}
        asked = ours.ask(number, fixed=fixed)
        assert asked.settings == optunas.ask(number, fixed=fixed)
        in_flight[number] = asked
        if len(in_flight) == IN_FLIGHT:
            ended = dice.choice(list(in_flight))
            state, values = next(told)
            lesson = lesson_of(in_flight.pop(ended), state=state, values=values, goal=goal)
            ours.tell(lesson)
            optunas.tell(ended, state=state, values=values, best=lesson.best)


@pytest.mark.parametrize(("high", "step"), [(0.7, 0.1), (0.3, 0.1), (0.7, 0.01), (0.35, 0.05)])
def test_no_proposal_lies_beyond_the_last_step(high: float, step: float) -> None:
    space = SearchSpace({"momentum": Range(low=0.0, high=high, step=step)})
    study, seen = TpeStudy(space, seed=3, goal="maximize"), []
    for number in range(60):
        asked = study.ask(number, fixed={})
        value = asked.settings["momentum"]
        assert isinstance(value, float)
        seen.append(value)
        study.tell(lesson_of(asked, state=TrialState.COMPLETED, values={1: value}, goal="maximize"))
    assert max(seen) == high


RANGES: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "momentum": FloatDistribution(0.0, 0.99),
    "size": CategoricalDistribution((16, 32, 64)),
}


@pytest.mark.parametrize("num_trials", [0, 1, 30, 700])
def test_a_point_is_as_likely_as_optuna_says(num_trials: int) -> None:
    dice = np.random.RandomState(2)
    seen = {
        "rate": np.exp(dice.uniform(np.log(1e-4), 0.0, num_trials)),
        "momentum": dice.uniform(0.0, 0.99, num_trials) ** 0.1,
        "size": dice.randint(0, 3, num_trials).astype(float),
    }
    estimator = _ParzenEstimator(seen, RANGES, AS_IN_OPTUNA)
    points = estimator.sample(dice, 24)
    points["momentum"][:2] = 0.0, 0.99
    np.testing.assert_allclose(log_density(estimator, points=points), estimator.log_pdf(points), rtol=1e-12)


def test_a_point_beyond_a_range_is_as_unlikely_as_optuna_says() -> None:
    estimator = _ParzenEstimator({"momentum": np.array([0.5, 0.6])}, {"momentum": RANGES["momentum"]}, AS_IN_OPTUNA)
    points = {"momentum": np.array([0.5, np.nextafter(0.99, 1.0), 2.0])}
    assert log_density(estimator, points=points).tolist() == estimator.log_pdf(points).tolist()
