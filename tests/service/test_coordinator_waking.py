"""Who waits is woken when there may be something to hand out, and left alone while others take what there is."""

from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker


def test_a_new_sweep_wakes_who_waits(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    answer = coordinator_worker.say(want=1)
    coordinator_house.create()
    assert coordinator_house.coordinator.work.count != answer.work_version


def test_a_place_that_is_filled_at_once_wakes_nobody(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_house.create(budget={"parallel": 1})
    idle = ScriptedWorker(coordinator_house.coordinator, "w2")
    running = coordinator_worker.take_and_start()
    answer = idle.say(want=1)
    (taken,) = coordinator_worker.say(want=1, reports=coordinator_worker.reports(running.attempt)).assignments
    assert taken.trial != running.trial
    assert coordinator_house.coordinator.work.count == answer.work_version


def test_a_place_that_stays_free_wakes_who_waits(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_house.create(budget={"parallel": 1})
    idle = ScriptedWorker(coordinator_house.coordinator, "w2")
    running = coordinator_worker.take_and_start()
    answer = idle.say(want=1)
    coordinator_worker.finish(running.attempt)
    assert coordinator_house.coordinator.work.count != answer.work_version
    assert len(idle.take()) == 1


def test_a_trial_whose_worker_is_lost_wakes_who_waits(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_house.create(trials=1)
    idle = ScriptedWorker(coordinator_house.coordinator, "w2")
    coordinator_worker.take_and_start()
    answer = idle.say(want=1)
    coordinator_house.coordinator.worker_gone("w1", how="the worker was killed by SIGKILL")
    assert coordinator_house.coordinator.work.count != answer.work_version
    assert len(idle.take()) == 1
