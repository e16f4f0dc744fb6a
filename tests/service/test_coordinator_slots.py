"""How many trials a worker holds: its part of what may be in flight where they are stacked, one by one elsewhere."""

import pytest

from service.coordination.coordinator import Coordinator
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.config import Assignment


def workers(coordinator: Coordinator, *slots: int) -> list[ScriptedWorker]:
    return [ScriptedWorker(coordinator, f"w{number}", slots=count) for number, count in enumerate(slots)]


def of_sweep(handed: list[Assignment], sweep: str) -> int:
    return sum(one.sweep == sweep for one in handed)


@pytest.mark.parametrize(
    ("parallel", "slots", "held"),
    [
        (8, (32, 32), [4, 4]),
        (9, (32, 32), [5, 4]),
        (12, (32, 16), [8, 4]),
        (3, (1, 1), [2, 1]),
        (80, (32, 32), [40, 40]),
        (1000, (4, 4), [5, 5]),
    ],
)
def test_of_a_stacked_sweep_a_worker_holds_its_part(
    coordinator_house: CoordinatorHouse, parallel: int, slots: tuple[int, ...], held: list[int]
) -> None:
    coordinator_house.create(trials=200, engine="fused", budget={"parallel": parallel})
    every = workers(coordinator_house.coordinator, *slots)
    assert [len(one.take(one.slots + max(1, one.slots // 4))) for one in every] == held


@pytest.mark.parametrize("slots", [1, 32])
def test_of_sweeps_that_are_not_stacked_it_holds_one_and_one_ahead(
    coordinator_house: CoordinatorHouse, slots: int
) -> None:
    for _ in range(3):
        coordinator_house.create(trials=50, engine="serial")
    (worker,) = workers(coordinator_house.coordinator, slots)
    assert [len(worker.take(40)), len(worker.take(40))] == [2, 0]
    worker.finish(next(iter(worker.hand)))
    assert len(worker.take(40)) == 1


def test_what_would_start_elsewhere_is_not_held_ahead(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=50, engine="serial", budget={"parallel": 3})
    one, other = workers(coordinator_house.coordinator, 32, 32)
    assert [len(one.take(40)), len(other.take(40))] == [2, 1]


@pytest.mark.parametrize(("engine", "held"), [("serial", [1, 1]), ("fused", [10, 10])])
def test_auto_counts_a_worker_by_its_slots_where_trials_are_stacked(
    coordinator_house: CoordinatorHouse, engine: str, held: list[int]
) -> None:
    coordinator_house.create(trials=200, engine=engine, budget={"parallel": "auto"})
    assert [len(one.take(40)) for one in workers(coordinator_house.coordinator, 32, 32)] == held


def test_a_stacked_sweep_and_others_share_a_worker(coordinator_house: CoordinatorHouse) -> None:
    serial = coordinator_house.create(trials=50, engine="serial", budget={"parallel": "auto"})
    stacked = coordinator_house.create(trials=200, engine="fused")
    (worker,) = workers(coordinator_house.coordinator, 8)
    handed = worker.take(10)
    assert (of_sweep(handed, serial), of_sweep(handed, stacked)) == (1, 9)


def test_two_stacked_sweeps_divide_the_slots(coordinator_house: CoordinatorHouse) -> None:
    one, other = (coordinator_house.create(trials=200, engine="fused", budget={"parallel": 64}) for _ in range(2))
    (worker,) = workers(coordinator_house.coordinator, 8)
    handed = worker.take(8)
    assert (of_sweep(handed, one), of_sweep(handed, other)) == (4, 4)


def test_a_stacked_sweep_with_long_trials_leaves_the_other_its_slots(coordinator_house: CoordinatorHouse) -> None:
    long, short = (coordinator_house.create(trials=200, engine="fused", budget={"parallel": 64}) for _ in range(2))
    (worker,) = workers(coordinator_house.coordinator, 8)
    worker.take(8)
    for _ in range(20):
        attempt = next(attempt for attempt, held in worker.hand.items() if held.sweep == short)
        worker.say(reports=worker.reports(attempt))
        worker.take(8 - len(worker.hand))
        assert of_sweep(list(worker.hand.values()), long) == 4


def test_a_sweep_that_comes_later_gets_slots_as_trials_end(coordinator_house: CoordinatorHouse) -> None:
    early = coordinator_house.create(trials=200, engine="fused", budget={"parallel": 64})
    (worker,) = workers(coordinator_house.coordinator, 8)
    worker.take(8)
    late = coordinator_house.create(trials=200, engine="fused", budget={"parallel": 64})
    for _ in range(4):
        worker.finish(next(attempt for attempt, held in worker.hand.items() if held.sweep == early))
        worker.take(8 - len(worker.hand))
    assert of_sweep(list(worker.hand.values()), late) == 4


def test_trials_that_wait_go_where_their_group_is_trained_but_none_is_passed_over_twice(
    coordinator_house: CoordinatorHouse,
) -> None:
    space = {"batch_size": {"choices": [16, 32]}}
    first = [{"batch_size": size} for size in (16, 32, 16, 16, 16)]
    coordinator_house.create(trials=5, first=first, space=space, engine="fused")
    (worker,) = workers(coordinator_house.coordinator, 8)
    handed = [worker.take()[0].trial for _ in range(4)]
    assert handed == [0, 2, 1, 3]
