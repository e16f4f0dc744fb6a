"""What samplers are told of trials, and what they make of it."""

import math
import random
from typing import Any

import pytest
from optuna.trial import TrialState as OptunaState

from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from sweeps.studies.heard import heard_by
from sweeps.studies.lessons import Asked, Lesson, Study, lesson_of
from sweeps.studies.study import OptunaStudy
from sweeps.studies.tpe import TpeStudy

ASKED = Asked(3, {"momentum": 0.5})
PARAMETERS: dict[str, Parameter] = {
    "learning_rate": Range(low=1e-4, high=1.0, log=True),
    "momentum": Range(low=0.0, high=1.0),
}


def lesson(state: TrialState, values: dict[int, float | None], *, goal: Any = "minimize") -> Lesson:
    return lesson_of(ASKED, state=state, values=values, goal=goal)


def study_of(kind: str, *, parameters: dict[str, Parameter] = PARAMETERS, seed: int = 1) -> Study:
    space = SearchSpace(parameters)
    if kind == "tpe":
        return TpeStudy(space, seed=seed, goal="minimize")
    return OptunaStudy(space, kind=kind, seed=seed, goal="minimize", attrs={})


def test_a_lesson_is_the_best_and_the_last_finite_value() -> None:
    values = {1: 0.5, 2: 0.2, 3: 0.3, 4: None, 5: math.inf}
    assert lesson(TrialState.COMPLETED, values) == Lesson(ASKED, TrialState.COMPLETED, best=0.2, last=(3, 0.3))
    assert lesson(TrialState.COMPLETED, values, goal="maximize").best == 0.5
    assert lesson(TrialState.DIVERGED, {1: None}) == Lesson(ASKED, TrialState.DIVERGED, best=None, last=None)


@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_a_completed_trial_is_told_with_its_best_value_and_a_lost_one_as_failed(kind: str) -> None:
    heard = heard_by(lesson(TrialState.COMPLETED, {1: 0.2, 2: 0.3}), kind=kind, worst=9.0)
    assert (heard.state, heard.value) == (OptunaState.COMPLETE, 0.2)
    for state in (TrialState.FAILED, TrialState.CANCELLED):
        assert heard_by(lesson(state, {1: 0.2}), kind=kind, worst=9.0).state is OptunaState.FAIL


def test_tpe_is_told_of_a_divergence_as_pruned_after_the_last_finite_report() -> None:
    heard = heard_by(lesson(TrialState.DIVERGED, {1: 0.2, 2: 0.4, 3: None}), kind="tpe", worst=9.0)
    assert (heard.state, heard.value, heard.report) == (OptunaState.PRUNED, None, (2, 0.4))
    nothing = heard_by(lesson(TrialState.DIVERGED, {1: None}), kind="tpe", worst=None)
    assert (nothing.state, nothing.report) == (OptunaState.PRUNED, None)


def test_cmaes_is_told_of_a_divergence_with_the_worst_finite_value() -> None:
    heard = heard_by(lesson(TrialState.DIVERGED, {1: 0.2, 2: None}), kind="cmaes", worst=9.0)
    assert (heard.state, heard.value) == (OptunaState.COMPLETE, 9.0)
    assert heard_by(lesson(TrialState.DIVERGED, {1: None}), kind="cmaes", worst=None).state is OptunaState.FAIL


@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_a_learning_sampler_comes_nearer_to_the_best_point(kind: str) -> None:
    study = study_of(kind)
    losses = []
    for number in range(80):
        asked = study.ask(number, fixed={})
        assert asked is not None
        rate, momentum = float(asked.settings["learning_rate"]), float(asked.settings["momentum"])
        loss = (math.log10(rate) + 1) ** 2 + (momentum - 0.8) ** 2
        diverged = rate > 0.8
        losses.append(loss)
        state = TrialState.DIVERGED if diverged else TrialState.COMPLETED
        study.tell(lesson_of(asked, state=state, values={1: None if diverged else loss}, goal="minimize"))
    assert min(losses[40:]) < 0.02
    assert sorted(losses[40:])[20] < sorted(losses[:20])[10] / 4


def test_qmc_fills_the_space_evenly_from_the_very_first_trial() -> None:
    parameters: dict[str, Parameter] = {"x": Range(low=0.0, high=1.0), "y": Choices(choices=(1, 2, 3, 4))}
    study = study_of("qmc", parameters=parameters)
    points = [asked.settings for number in range(64) if (asked := study.ask(number, fixed={})) is not None]
    assert sorted(int(float(point["x"]) * 64) for point in points) == list(range(64))
    assert all([point["y"] for point in points].count(choice) == 16 for choice in (1, 2, 3, 4))


def test_qmc_draws_conditional_parameters_from_its_sequence_too() -> None:
    parameters: dict[str, Parameter] = {
        "nesterov": Choices(choices=(True, False)),
        "dampening": Range(low=0.0, high=1.0, when={"nesterov": (False,)}),
        "only": Range(low=0.5, high=0.5),
    }
    study = study_of("qmc", parameters=parameters)
    points = [asked.settings for number in range(32) if (asked := study.ask(number, fixed={})) is not None]
    damped = [point for point in points if "dampening" in point]
    assert len(damped) == 16
    assert all(point["nesterov"] is False for point in damped)
    assert sum(float(point["dampening"]) < 0.5 for point in damped) == 8
    assert {point["only"] for point in points} == {0.5}


@pytest.mark.parametrize("kind", ["tpe", "random", "qmc", "cmaes"])
def test_the_same_seed_draws_the_same(kind: str) -> None:
    def draws(seed: int) -> list[Any]:
        study, rng = study_of(kind, seed=seed), random.Random(1)
        found = []
        for number in range(20):
            asked = study.ask(number, fixed={})
            assert asked is not None
            study.tell(lesson_of(asked, state=TrialState.COMPLETED, values={1: rng.random()}, goal="minimize"))
            found.append(asked.settings)
        return found

    assert draws(1) == draws(1)
    assert all(one != other for one, other in zip(draws(1), draws(2), strict=True))


def test_a_step_with_many_digits_is_no_reason_to_warn() -> None:
    odd = Range(low=7008.662692045665, high=13587.1, step=12.102011695645588)
    study = study_of("tpe", parameters={"x": odd})
    points = [asked.settings["x"] for number in range(20) if (asked := study.ask(number, fixed={})) is not None]
    assert all(odd.contains(point) for point in points)


@pytest.mark.parametrize("kind", ["tpe", "random", "qmc", "cmaes"])
def test_fixed_settings_are_kept(kind: str) -> None:
    study = study_of(kind)
    rng = random.Random(1)
    for number in range(30):
        fixed: dict[str, Any] = {"momentum": 0.25} if number % 2 else {}
        asked = study.ask(number, fixed=fixed)
        assert asked is not None
        assert fixed.items() <= asked.settings.items()
        study.tell(lesson_of(asked, state=TrialState.COMPLETED, values={1: rng.random()}, goal="minimize"))
