"""Who waits is woken when there may be something to hand out, and left alone while others take what there is."""

from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from tests.service.test_coordinator_plugins import SPIRAL, facts
from trainer.task import Predict


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


def test_an_answer_that_is_told_again_knows_of_nothing_that_came_since(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_worker.say_and_miss_the_answer(want=1)
    coordinator_house.create()
    again = coordinator_worker.repeat()
    assert not again.assignments
    assert coordinator_house.coordinator.work.count != again.work_version


def test_a_task_that_nobody_here_can_do_wakes_nobody(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    problem = {"plugin": SPIRAL["plugin"], "digest": facts().digest}
    task = Predict.model_validate({"problem": problem, "weights": checkpoint("a"), "rows": [[0.0]]})
    answer = coordinator_worker.say(want=1)
    coordinator_house.coordinator.submit(task, seconds=60)
    coordinator_house.coordinator.tick()
    assert coordinator_house.coordinator.work.count == answer.work_version
    coordinator_worker.say(problems=(facts(),))
    assert len(coordinator_worker.tasks) == 1


def test_a_lost_trial_that_nobody_here_can_train_wakes_nobody(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    able = ScriptedWorker(coordinator_house.coordinator, "w2")
    able.say(problems=(facts(),))
    coordinator_house.create(problem=SPIRAL)
    able.take()
    coordinator_house.pass_time(40)
    coordinator_worker.say(want=1)
    coordinator_house.pass_time(25)  # the other one's lease has ended
    answer = coordinator_worker.say(want=1)
    coordinator_house.coordinator.tick()
    assert coordinator_house.coordinator.work.count == answer.work_version
