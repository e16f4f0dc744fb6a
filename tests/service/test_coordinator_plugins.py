"""Plugins: workers announce them, sweeps are pinned to their content, and only those who have it get their trials."""

from typing import Any

import pytest

from service.errors import InvalidRequest
from service.stores import plugins
from sweeps.states import SweepState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.facts import ProblemFacts

SPIRAL = {"plugin": "spiral"}


def facts(letter: str = "a", **other: Any) -> ProblemFacts:
    """The plugin `spiral`, its source hashed to one hexadecimal digit over and over."""
    fields = {
        "name": "spiral",
        "kind": "plugin",
        "task": "own",
        "description": "Two arms.",
        "digest": letter * 64,
        "metrics": ("val_arms",),
        "settings": {"problem.turns": "How often an arm goes round."},
    }
    return ProblemFacts.model_validate(fields | other)


def errors_of(house: CoordinatorHouse, problem: dict[str, Any], **spec: Any) -> dict[str, str]:
    """The faults of a sweep that is refused, as field and mend."""
    with pytest.raises(InvalidRequest) as refused:
        house.create(problem=problem, **spec)
    return {error.field: f"{error.message}; {error.mend}" for error in refused.value.errors}


def test_one_that_nobody_announced_is_refused_with_those_that_are(coordinator_house: CoordinatorHouse) -> None:
    nobody = errors_of(coordinator_house, SPIRAL)
    assert "none so far" in nobody["problem.plugin"]
    assert "RAVINE_PROBLEMS" in nobody["problem.plugin"]
    ScriptedWorker(coordinator_house.coordinator).say(problems=(facts(name="moons"),))
    assert "known: moons" in errors_of(coordinator_house, SPIRAL)["problem.plugin"]
    assert coordinator_house.num_sweeps() == 0


def test_a_sweep_is_pinned_to_the_content_seen_last(coordinator_house: CoordinatorHouse) -> None:
    worker = ScriptedWorker(coordinator_house.coordinator)
    worker.say(problems=(facts("a"),))
    coordinator_house.pass_time(1)
    worker.say(problems=(facts("b"),))
    sweep = coordinator_house.sweep(coordinator_house.create(problem=SPIRAL))
    assert sweep.spec.problem.digest == "b" * 64
    assert sweep.spec.goal_metric.name == "val_loss"
    pinned = coordinator_house.create(problem={**SPIRAL, "digest": "a" * 64})
    assert coordinator_house.sweep(pinned).spec.problem.digest == "a" * 64
    assert list(errors_of(coordinator_house, {**SPIRAL, "digest": "c" * 64})) == ["problem.digest"]


def test_one_file_may_hold_several(coordinator_house: CoordinatorHouse) -> None:
    worker = ScriptedWorker(coordinator_house.coordinator)
    worker.say(problems=(facts("a"), facts("a", name="moons")))
    for name in ("spiral", "moons"):
        pinned = coordinator_house.sweep(coordinator_house.create(problem={"plugin": name})).spec.problem
        assert (pinned.plugin, pinned.digest) == (name, "a" * 64)


@pytest.mark.parametrize(
    ("problem", "spec", "field"),
    [
        ({**SPIRAL, "model": {"kind": "mlp"}}, {}, "problem.model"),
        ({**SPIRAL, "settings": {"arms": 3}}, {}, "problem.settings.arms"),
        ({**SPIRAL, "metrics": ["val_accuracy"]}, {}, "problem.metrics"),
        (SPIRAL, {"metric": {"name": "val_accuracy"}}, "metric"),
        ({"dataset": "digits", "digest": "a" * 64}, {}, "problem.digest"),
        ({"dataset": "digits", "settings": {"turns": 3}}, {}, "problem.settings.turns"),
        ({"dataset": "digits", "metrics": ["val_arms"]}, {}, "problem.metrics"),
        ({"dataset": "birds"}, {}, "problem.dataset"),
    ],
)
def test_what_does_not_fit_the_problem(
    coordinator_house: CoordinatorHouse, problem: dict[str, Any], spec: dict[str, Any], field: str
) -> None:
    ScriptedWorker(coordinator_house.coordinator).say(problems=(facts(),))
    assert list(errors_of(coordinator_house, problem, **spec)) == [field]


def test_only_who_has_it_gets_its_trials(coordinator_house: CoordinatorHouse) -> None:
    knows, other, older = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2", "w3"))
    older.say(problems=(facts("b"),))
    coordinator_house.pass_time(1)
    knows.say(problems=(facts("a"),))
    sweep = coordinator_house.create(problem={**SPIRAL, "settings": {"turns": 2}}, metric={"name": "val_arms"})
    digits = coordinator_house.create()
    assert {one.sweep for one in other.take(8)} == {digits}
    assert {one.sweep for one in older.take(8)} <= {digits}
    assert sweep in {one.sweep for one in knows.take(8)}


def test_a_sweep_that_nobody_here_can_train_waits_and_says_so(coordinator_house: CoordinatorHouse) -> None:
    first = ScriptedWorker(coordinator_house.coordinator)
    first.say(problems=(facts(),))
    first.say(leaving=True)
    other = ScriptedWorker(coordinator_house.coordinator, "w2")
    sweep = coordinator_house.create(problem=SPIRAL)
    waiting = coordinator_house.create()
    assert coordinator_house.sweep(sweep).reason == "no worker here can train spiral"
    assert coordinator_house.sweep(waiting).reason == "all workers are busy"
    assert {one.sweep for one in other.take(8)} == {waiting}
    coordinator_house.restart()
    late = ScriptedWorker(coordinator_house.coordinator, "w3")
    late.say(problems=(facts(),))
    coordinator_house.pass_time(1)
    assert coordinator_house.sweep(sweep).reason == "all workers are busy"
    assert sweep in {one.sweep for one in late.take(8)}
    assert coordinator_house.sweep(sweep).state is SweepState.RUNNING


def test_what_a_new_child_no_longer_has_is_not_handed_to_it(coordinator_house: CoordinatorHouse) -> None:
    worker = ScriptedWorker(coordinator_house.coordinator)
    worker.say(problems=(facts(),))
    coordinator_house.create(problem=SPIRAL)
    assert not worker.say(want=1, problems=()).assignments
    assert worker.say(want=1, problems=(facts(),)).assignments


def test_a_trial_that_died_is_tried_again_where_it_can_be(coordinator_house: CoordinatorHouse) -> None:
    knows, _other = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2"))
    knows.say(problems=(facts(),))
    coordinator_house.create(trials=1, problem=SPIRAL)
    attempt = knows.take_and_start().attempt
    knows.die(attempt, how="exit", code=1)
    (again,) = knows.take()
    assert again.trial == 0


def test_a_plugin_that_no_sweep_could_name_is_left_out(coordinator_house: CoordinatorHouse) -> None:
    worker = ScriptedWorker(coordinator_house.coordinator)
    worker.say(problems=(facts(name="a/b"), facts(digest=None), facts("c", name="moons")))
    with coordinator_house.database.read() as connection:
        assert [one.name for one in plugins.latest_of_each(connection)] == ["moons"]
    assert coordinator_house.coordinator.workers()[0].problems == ("c" * 64,)
