"""Probes: when they are asked, of whom, and what becomes of those that fail."""

import pytest

from service.coordination.tasks import PROBE_SECONDS
from sweeps.states import SweepState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.probing_house import FUSED, LARGE, SERIAL, SMALL, create, fail, known, told, until_probed, wide
from tests.service.test_coordinator_plugins import SPIRAL, facts
from trainer.config import MlpModel
from trainer.task import Probe


def test_a_group_that_comes_once_is_not_probed(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, LARGE)
    worker = wide(coordinator_house)
    one, other = worker.take(2)
    worker.say(reports=(*worker.reports(one.attempt, last=1), *worker.reports(other.attempt, last=1)))
    assert worker.tasks == []


def test_a_worker_of_one_slot_is_asked_for_no_probe(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, SMALL)
    worker = wide(coordinator_house, slots=1)
    worker.say(reports=worker.reports(worker.take(2)[0].attempt, last=1))
    assert worker.tasks == []


def test_another_coordinator_knows_the_engines_and_asks_again_for_those_that_lack(
    coordinator_house: CoordinatorHouse,
) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, LARGE, LARGE, SMALL)
    worker = wide(coordinator_house)
    told(worker, FUSED, task=until_probed(worker))
    assert [one.trial for one in worker.take(3)] == [4, 2, 3]
    (lost,) = worker.say().tasks or worker.tasks[1:]
    coordinator_house.restart()
    worker.coordinator = coordinator_house.coordinator
    other = wide(coordinator_house, "w2")
    (again,) = other.say().tasks
    assert isinstance(lost.body, Probe)
    assert again.body == lost.body
    told(other, SERIAL, task=again)
    assert {(one.traits.batch_size, one.engine, one.reason) for one in known(coordinator_house, sweep)} == {
        (16, "fused", None),
        (128, "serial", "not 1.2 times as fast"),
    }
    assert {(one.settings.batch_size, one.engine) for one in other.take(20)} == {(16, "fused"), (128, "serial")}


def test_no_more_probes_at_a_time_than_workers(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, LARGE, SMALL, LARGE)
    workers = [wide(coordinator_house, name) for name in ("w1", "w2")]
    for worker in workers:
        worker.take(2)
    for worker in workers:
        worker.say(reports=worker.reports(next(iter(worker.hand)), last=1))
    probed = [one.tasks[0].body.settings.batch_size for one in workers if isinstance(one.tasks[0].body, Probe)]
    assert sorted(map(str, probed)) == ["128", "16"]
    coordinator_house.coordinator.worker_gone("w2", how="killed")
    workers[0].say()
    assert len(workers[0].tasks) == 1


def test_a_probe_that_fails_twice_makes_the_group_serial(coordinator_house: CoordinatorHouse) -> None:
    sweep = create(coordinator_house, SMALL, SMALL)
    worker = wide(coordinator_house)
    (again,) = fail(worker, until_probed(worker))
    assert known(coordinator_house, sweep) == []
    assert fail(worker, again) == ()
    assert [(one.engine, one.reason) for one in known(coordinator_house, sweep)] == [
        ("serial", "the probe failed 2 times: ValueError: boom")
    ]


@pytest.mark.parametrize("how", ["gone", "late"])
def test_a_probe_that_a_worker_does_not_answer_is_asked_of_another_one_once(
    coordinator_house: CoordinatorHouse, how: str
) -> None:
    sweep = create(coordinator_house, SMALL, SMALL)
    worker = wide(coordinator_house)
    task = until_probed(worker)
    other = wide(coordinator_house, "w2")
    for asked in (worker, other):
        if how == "gone":
            coordinator_house.coordinator.worker_gone(asked.name, how="killed")
            coordinator_house.coordinator.tick()
        else:
            for _ in range(int(PROBE_SECONDS / 5)):
                coordinator_house.pass_time(5)
                worker.say()
                other.say()
        if asked is worker and how == "gone":
            assert other.say().tasks == (task,)
    (found,) = known(coordinator_house, sweep)
    assert (found.engine, found.width) == ("serial", 1)
    assert "a worker was lost while it had it" in (found.reason or "")


@pytest.mark.parametrize("verb", ["cancel", "stop", "pause"])
def test_a_sweep_that_starts_nothing_more_wants_no_probe(coordinator_house: CoordinatorHouse, verb: str) -> None:
    sweep = create(coordinator_house, SMALL, SMALL)
    worker = wide(coordinator_house)
    task = until_probed(worker)
    other = wide(coordinator_house, "w2")
    fail(worker, task)  # it waits for somebody again
    worker.tasks.clear()
    coordinator_house.coordinator.change(sweep, verb=verb)
    assert other.say().tasks == ()
    told(worker, FUSED, task=task)  # of whoever had it
    assert coordinator_house.sweep(sweep).state is not SweepState.FAILED


def test_a_probe_keeps_to_the_memory_that_its_sweep_allows(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, SMALL, limits={"memory_mb": 900})
    task = until_probed(wide(coordinator_house))
    assert isinstance(task.body, Probe)
    assert task.body.memory_mb == 900


def test_a_probe_trains_what_the_settings_of_its_trial_made_of_the_problem(coordinator_house: CoordinatorHouse) -> None:
    space = {"model.width": {"choices": [8, 64]}}
    create(coordinator_house, *[{"model.width": 8}] * 2, *[{"model.width": 64}] * 2, space=space)
    task = until_probed(wide(coordinator_house))
    assert isinstance(task.body, Probe)
    assert task.body.problem.model == MlpModel(hidden=(8,))


def test_a_plugins_group_is_probed_by_who_can_train_it(coordinator_house: CoordinatorHouse) -> None:
    knows, other = wide(coordinator_house), wide(coordinator_house, "w2")
    knows.say(problems=(facts(),))
    knows.metric = "val_arms"
    space = {"problem.turns": {"choices": [2, 3]}, "learning_rate": {"low": 0.01, "high": 0.1}}
    first = [{"problem.turns": 2}] * 2
    sweep = create(coordinator_house, *first, problem=SPIRAL, space=space, metric={"name": "val_arms"})
    task = until_probed(knows)
    assert isinstance(task.body, Probe)
    assert (task.body.problem.digest, task.body.problem.settings) == ("a" * 64, {"turns": 2})
    assert other.say().tasks == ()
    told(knows, FUSED, task=task)
    assert [one.traits.settings for one in known(coordinator_house, sweep)] == [{"turns": 2}]
