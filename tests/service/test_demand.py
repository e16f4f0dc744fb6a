"""How many workers an executor that grows is asked for: never in vain, never too few."""

from pathlib import Path
from typing import Any

import pytest

from service.executors.contract import Outlook
from sweeps.states import TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.pausing import pausing_house
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from tests.service.test_coordinator_plugins import SPIRAL, facts
from trainer.task import Predict, RangeCurve, TaskResult

EIGHT = Outlook(num_workers=8)
CURVE = RangeCurve(rates=[1e-3, 1e-1], losses=[2.0, 0.5], first_loss=2.3, num_updates=50, low=1e-3, high=1e-1)


def wanted(house: CoordinatorHouse, outlook: Outlook = EIGHT) -> int:
    return house.coordinator.tick(outlook)


def ray_workers(house: CoordinatorHouse, *, num_workers: int, first: int = 1) -> list[ScriptedWorker]:
    names = [f"w{number}" for number in range(first, first + num_workers)]
    return [ScriptedWorker(house.coordinator, name, executor="ray") for name in names]


@pytest.mark.parametrize(
    ("trials", "budget", "num_wanted"),
    [
        (200, {"parallel": "auto"}, 8),
        (12, {"parallel": "auto"}, 8),
        (3, {"parallel": "auto"}, 3),
        (200, {"parallel": 2}, 2),
        (200, {"parallel": 100}, 100),
    ],
)
def test_as_many_as_may_be_in_flight_at_the_largest(
    coordinator_house: CoordinatorHouse, trials: int, budget: dict[str, Any], num_wanted: int
) -> None:
    coordinator_house.create(trials=trials, budget=budget)
    assert wanted(coordinator_house) == num_wanted


def test_nobody_without_a_sweep(coordinator_house: CoordinatorHouse) -> None:
    assert wanted(coordinator_house) == 0
    ray_workers(coordinator_house, num_workers=2)
    assert wanted(coordinator_house) == 0


def test_one_where_nothing_is_known_of_the_cluster(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=200, budget={"parallel": "auto"})
    assert wanted(coordinator_house, Outlook()) == 1


def test_those_who_work_are_among_them_until_the_last_trial(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=3, epochs=1, budget={"parallel": 8})
    first, second = ray_workers(coordinator_house, num_workers=2)
    (one,), (two,) = first.take(), second.take()
    assert wanted(coordinator_house) == 3
    (ahead,) = first.take()
    assert wanted(coordinator_house) == 2  # the third trial is in hand: nobody else would get it
    first.finish(one.attempt)
    second.finish(two.attempt)
    assert wanted(coordinator_house) == 1
    first.finish(ahead.attempt)
    assert wanted(coordinator_house) == 0


def test_what_some_hold_ahead_keeps_no_other_from_coming(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=50, budget={"parallel": 8})
    for worker in ray_workers(coordinator_house, num_workers=4):
        assert len(worker.take(2)) == 2
    assert wanted(coordinator_house) == 8  # whoever is free gets the next trials, before more is given ahead


def test_a_grid_wants_no_more_than_its_points(coordinator_house: CoordinatorHouse) -> None:
    space = {"batch_size": {"choices": [16, 32, 64]}}
    coordinator_house.create(trials=200, sampler={"kind": "grid"}, space=space)
    assert wanted(coordinator_house) == 3
    ray_workers(coordinator_house, num_workers=1)[0].take()
    assert wanted(coordinator_house) == 3


@pytest.mark.parametrize(("verb", "num_wanted"), [("pause", 1), ("stop", 1), ("cancel", 1)])
def test_a_sweep_that_starts_nothing_more_wants_those_who_finish(
    coordinator_house: CoordinatorHouse, verb: str, num_wanted: int
) -> None:
    sweep = coordinator_house.create(trials=50)
    ray_workers(coordinator_house, num_workers=1)[0].take_and_start()
    coordinator_house.coordinator.change(sweep, verb=verb)
    assert wanted(coordinator_house) == num_wanted


def test_a_paused_sweep_with_nothing_in_hand_wants_nobody(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(trials=50)
    coordinator_house.coordinator.change(sweep, verb="pause")
    assert wanted(coordinator_house) == 0
    coordinator_house.coordinator.change(sweep, verb="resume")
    assert wanted(coordinator_house) == 8 + 8  # parallel 16


def test_what_a_stopping_sweep_had_begun_is_finished_by_somebody(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(trials=50)
    (worker,) = ray_workers(coordinator_house, num_workers=1)
    worker.take_and_start()
    coordinator_house.coordinator.change(sweep, verb="stop")
    coordinator_house.coordinator.worker_gone(worker.name, how="its node died")
    assert wanted(coordinator_house) == 1


def test_trials_of_a_worker_that_is_gone_want_another_one(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=2)
    workers = ray_workers(coordinator_house, num_workers=2)
    for worker in workers:
        worker.take_and_start()
    coordinator_house.coordinator.worker_gone(workers[0].name, how="its node died")
    assert wanted(coordinator_house) == 2
    coordinator_house.pass_time(61)  # the other one was not heard of either
    assert wanted(coordinator_house) == 2


def test_nobody_when_the_seconds_are_spent(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=50, budget={"seconds": 30})
    (worker,) = ray_workers(coordinator_house, num_workers=1)
    worker.take_and_start()
    assert wanted(coordinator_house) == 16
    coordinator_house.pass_time(31)
    assert wanted(coordinator_house) == 1


def test_one_looks_whether_paused_trials_may_go_on(tmp_path: Path, database_url: str) -> None:
    promoted: list[int] = []
    house = pausing_house(tmp_path, promoted, database_url=database_url)
    sweep = house.create(trials=3, epochs=3)
    (worker,) = ray_workers(house, num_workers=1)
    for _ in range(2):
        running = worker.take_and_start()
        worker.say(reports=worker.reports(running.attempt, last=1))
        worker.end(running.attempt, "PAUSED", checkpoint=checkpoint("a"))
    worker.take_and_start()
    assert wanted(house) == 1 + 1
    house.coordinator.change(sweep, verb="pause")
    assert wanted(house) == 1
    house.database.close()


def test_a_range_test_wants_one_and_its_sweep_then_all(coordinator_house: CoordinatorHouse) -> None:
    space = {"learning_rate": "auto"}
    coordinator_house.create(trials=50, space=space, budget={"parallel": "auto"})
    assert wanted(coordinator_house) == 1
    (worker,) = ray_workers(coordinator_house, num_workers=1)
    (task,) = worker.say().tasks
    assert wanted(coordinator_house) == 1
    worker.say(task_results=(TaskResult(task=task.id, value=CURVE),))
    assert wanted(coordinator_house) == 8


def test_a_prediction_wants_one_only_where_nobody_is_here(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=1)
    ask = Predict.model_validate({"problem": {"dataset": "digits"}, "weights": checkpoint("a"), "rows": [[0.0]]})
    (worker,) = ray_workers(coordinator_house, num_workers=1)
    worker.take_and_start()
    coordinator_house.coordinator.submit(ask, seconds=5)
    assert wanted(coordinator_house) == 1
    coordinator_house.coordinator.worker_gone(worker.name, how="its node died")
    assert wanted(coordinator_house) == 1 + 1


def test_a_plugin_wants_one_worker_until_somebody_knows_it(coordinator_house: CoordinatorHouse) -> None:
    first, second = ray_workers(coordinator_house, num_workers=2)
    first.say(problems=(facts(),))
    sweep = coordinator_house.create(trials=50, problem=SPIRAL, budget={"parallel": "auto"})
    assert wanted(coordinator_house) == 8
    first.say(leaving=True)
    assert wanted(coordinator_house) == 0  # the other one knows nothing of it, nor would more of its kind
    second.say(leaving=True)
    assert wanted(coordinator_house) == 1
    (third,) = ray_workers(coordinator_house, num_workers=1, first=3)
    third.say(problems=(facts(),))
    assert wanted(coordinator_house) == 8
    assert coordinator_house.states(sweep) == [TrialState.WAITING] * len(coordinator_house.states(sweep))


def test_a_plugin_that_guests_alone_know_wants_one_who_looks(coordinator_house: CoordinatorHouse) -> None:
    ScriptedWorker(coordinator_house.coordinator, "guest").say(problems=(facts(),))
    coordinator_house.create(trials=50, problem=SPIRAL)
    assert wanted(coordinator_house) == 1
    (ours,) = ray_workers(coordinator_house, num_workers=1)
    assert wanted(coordinator_house) == 0
    ours.say(problems=(facts(),))
    assert wanted(coordinator_house) == 16 - 1


def test_workers_that_came_by_themselves_are_none_of_the_executors(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=5)
    guests = [ScriptedWorker(coordinator_house.coordinator, name) for name in ("g1", "g2")]
    assert wanted(coordinator_house) == 5 - 2
    guests[0].take_and_start()
    assert wanted(coordinator_house) == 4 - 1


def test_sweeps_add_up(coordinator_house: CoordinatorHouse) -> None:
    for _ in range(2):
        coordinator_house.create(trials=3)
    assert wanted(coordinator_house) == 6


def test_a_sweep_that_is_not_stacked_wants_a_worker_for_each_trial(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=1000, engine="serial", budget={"parallel": 6})
    worker = ScriptedWorker(coordinator_house.coordinator, "w1", executor="ray", slots=32)
    assert wanted(coordinator_house) == 6
    assert len(worker.take(40)) == 2
    assert wanted(coordinator_house) == 6
