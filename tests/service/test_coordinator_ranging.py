"""`learning_rate: auto`: nothing is proposed before its bounds are known, whatever dies in between."""

import pytest

from service.errors import Conflict
from service.protocol import ExchangeAnswer
from service.schemas import Extension
from sweeps.space.parameters import Range
from sweeps.states import SweepState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.task import RangeCurve, RangeTest, Task, TaskResult

AUTO = {"problem": {"dataset": "digits"}, "space": {"learning_rate": "auto", "momentum": {"low": 0.0, "high": 0.9}}}
ONLY = {"problem": {"dataset": "digits"}, "space": "range-test"}
CURVE = RangeCurve(rates=[1e-3, 1e-1], losses=[2.0, 0.5], first_loss=2.3, num_updates=50, low=1e-3, high=1e-1)


def test_the_test_comes_first_and_trials_lie_within_its_bounds(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    worker = ScriptedWorker(coordinator_house.coordinator)
    answer = worker.say(want=1)
    assert answer.assignments == ()
    test = _test(answer)
    assert (test.settings.momentum, test.settings.schedule.kind) == (0.9, "constant")
    worker.say(task_results=(TaskResult(task=answer.tasks[0].id, value=CURVE),))
    after = coordinator_house.sweep(sweep.id)
    assert after.range_test == CURVE
    assert after.spec.search_space.parameters["learning_rate"] == Range(low=1e-3, high=1e-1, log=True)
    handed = worker.say(want=1).assignments
    assert [one.settings.learning_rate for one in handed] == [0.01]  # the baseline


def test_another_coordinator_asks_again_and_knows_the_bounds(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    ScriptedWorker(coordinator_house.coordinator).say(want=1)
    coordinator_house.restart()
    worker = ScriptedWorker(coordinator_house.coordinator, name="w2")
    answer = worker.say(want=1)
    worker.say(task_results=(TaskResult(task=answer.tasks[0].id, value=CURVE),))
    coordinator_house.restart()
    again = ScriptedWorker(coordinator_house.coordinator, name="w3").say(want=1)
    assert again.tasks == ()
    assert [one.settings.learning_rate for one in again.assignments] == [0.01]
    assert coordinator_house.sweep(sweep.id).spec.search_space.parameters["learning_rate"] == Range(
        low=1e-3, high=1e-1, log=True
    )


def test_the_preset_ends_with_its_curve(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(ONLY)
    worker = ScriptedWorker(coordinator_house.coordinator)
    worker.say(task_results=(TaskResult(task=worker.say(want=1).tasks[0].id, value=CURVE),))
    ended = coordinator_house.sweep(sweep.id)
    assert (ended.state, ended.reason) == (
        SweepState.COMPLETED,
        "range test done: search learning_rate from 0.001 to 0.1",
    )
    with pytest.raises(Conflict, match="range test"):
        coordinator_house.coordinator.extend(sweep.id, by=Extension(trials=3))


def test_a_test_that_fails_three_times_fails_the_sweep(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    worker = ScriptedWorker(coordinator_house.coordinator)
    answer = worker.say(want=1)
    for _ in range(3):
        answer = worker.say(task_results=(TaskResult(task=answer.tasks[0].id, error="ValueError: boom"),))
    ended = coordinator_house.sweep(sweep.id)
    assert (ended.state, ended.reason) == (
        SweepState.FAILED,
        "the learning-rate range test failed: ValueError: boom",
    )


@pytest.mark.parametrize(("verb", "state"), [("cancel", SweepState.CANCELLED), ("stop", SweepState.STOPPED)])
def test_a_sweep_that_ends_before_its_test_wants_none(
    coordinator_house: CoordinatorHouse, verb: str, state: SweepState
) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    coordinator_house.coordinator.change(sweep.id, verb=verb)
    assert coordinator_house.sweep(sweep.id).state is state
    assert ScriptedWorker(coordinator_house.coordinator).say(want=1).tasks == ()


def test_a_paused_sweep_is_tested_when_it_is_resumed(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    coordinator_house.coordinator.change(sweep.id, verb="pause")
    coordinator_house.restart()
    worker = ScriptedWorker(coordinator_house.coordinator)
    assert worker.say(want=1).tasks == ()
    coordinator_house.coordinator.change(sweep.id, verb="resume")
    assert len(worker.say(want=1).tasks) == 1


def test_no_settings_can_be_tried_before_the_bounds_are_known(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.coordinator.create(AUTO)
    with pytest.raises(Conflict, match="range test"):
        coordinator_house.coordinator.try_settings(sweep.id, settings={"momentum": 0.5})


def _test(answer: ExchangeAnswer) -> RangeTest:
    (task,) = answer.tasks
    assert isinstance(task, Task)
    assert isinstance(task.body, RangeTest)
    return task.body
