"""Which parameters matter."""

import math
from typing import Any

import pytest

from sweeps.insights.importance_question import Question, Ranked
from sweeps.insights.importances import shares_of
from sweeps.insights.outcomes import Outcome, evidence
from sweeps.spec import SweepSpec
from sweeps.states import TrialState
from tests.sweeps.plot_material import drawn_settings
from trainer.settings import Setting

SPACE: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "momentum": {"low": 0.0, "high": 0.99},
    "nesterov": {"choices": [True, False]},
    "lr_decay": {"low": 1e-6, "high": 1e-2, "log": True, "when": {"nesterov": False}},
    "velocity": "pytorch",
}


def question(space: dict[str, Any], *, count: int, goal: str = "maximize") -> Question:
    """Trials whose value hangs on the learning rate alone: 0.1 is best."""
    spec = SweepSpec.model_validate(
        {"problem": {"dataset": "digits"}, "space": space, "metric": {"name": "val_accuracy", "goal": goal}}
    )
    sign = 1.0 if goal == "maximize" else -1.0
    trials = [drawn_settings(spec.search_space, seed=number) for number in range(count)]
    return Question(spec=spec, trials=[Ranked(settings=one, value=sign * _value(one)) for one in trials])


def _value(settings: dict[str, Setting]) -> float:
    return -abs(math.log10(float(settings.get("learning_rate", 0.1))) + 1)


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
@pytest.mark.parametrize("count", [20, 200])
def test_the_setting_that_decides_leads(goal: str, count: int) -> None:
    shares = shares_of(question(SPACE, count=count, goal=goal))
    assert set(shares) == {"learning_rate", "momentum", "nesterov", "lr_decay"}
    assert math.isclose(sum(shares.values()), 1)
    assert shares["learning_rate"] > 0.5


def test_nothing_is_said_where_all_are_alike() -> None:
    assert shares_of(question({"momentum": {"low": 0, "high": 0.9}, "nesterov": {"choices": [True]}}, count=20)) == {}
    assert shares_of(question({"momentum": 0.5, "nesterov": False}, count=20)) == {}


def test_evidence_leaves_out_what_says_nothing_of_the_settings() -> None:
    states = list(TrialState)
    outcomes = [Outcome(number, state, {}, float(number), 1) for number, state in enumerate(states)]
    silent = Outcome(99, TrialState.DIVERGED, {}, None, 0)
    judged = {each.number: value for each, value in evidence([*outcomes, silent], maximize=True)}
    completed, pruned = float(states.index(TrialState.COMPLETED)), float(states.index(TrialState.PRUNED))
    diverged = states.index(TrialState.DIVERGED)
    assert judged == {int(completed): completed, int(pruned): pruned, diverged: completed, 99: completed}
    assert not evidence([silent], maximize=True)


def test_a_space_of_every_form_is_understood() -> None:
    space = {
        "warmup": {"low": 0, "high": 6, "step": 2, "integer": True},
        "batch_size": {"choices": [16, "full"]},
        "momentum": {"low": 0.1, "high": 0.9, "step": 0.4},
        "learning_rate": {"low": 1e-4, "high": 1, "log": True},
    }
    assert set(shares_of(question(space, count=40))) == set(space)
