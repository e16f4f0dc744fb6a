"""How many workers a stacked sweep asks an executor for: all on which it would have a row."""

import pytest

from service.executors.contract import Outlook
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from tests.service.test_demand import wanted


def wide_workers(house: CoordinatorHouse, *, num_workers: int) -> list[ScriptedWorker]:
    names = [f"wide{number}" for number in range(num_workers)]
    return [ScriptedWorker(house.coordinator, name, executor="ray", slots=32) for name in names]


@pytest.mark.parametrize(
    ("trials", "parallel", "num_wanted"), [(1000, "auto", 8), (12, "auto", 8), (200, 30, 8), (200, 3, 3), (2, 30, 2)]
)
def test_a_stacked_sweep_wants_all_workers_on_which_it_would_have_a_row(
    coordinator_house: CoordinatorHouse, trials: int, parallel: int | str, num_wanted: int
) -> None:
    coordinator_house.create(trials=trials, engine="fused", budget={"parallel": parallel})
    assert wanted(coordinator_house) == num_wanted
    (worker,) = wide_workers(coordinator_house, num_workers=1)
    assert wanted(coordinator_house) == num_wanted
    worker.take(1)
    assert wanted(coordinator_house) == num_wanted


def test_a_worker_that_comes_late_gets_its_part_of_a_stacked_sweep(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=200, engine="fused", budget={"parallel": 10})
    two = Outlook(num_workers=2)
    (first,) = wide_workers(coordinator_house, num_workers=1)
    held = first.take(40)
    assert (len(held), wanted(coordinator_house, two)) == (10, 2)
    second = ScriptedWorker(coordinator_house.coordinator, "late", executor="ray", slots=32)
    assert second.take(40) == []
    assert wanted(coordinator_house, two) == 2
    for one in held[:6]:
        first.finish(one.attempt)
    assert len(first.take(40)) == 1
    assert len(second.take(40)) == 5
    assert wanted(coordinator_house, two) == 2


def test_a_stacked_sweep_that_has_handed_out_all_wants_nobody_else(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=10, engine="fused", budget={"parallel": 30})
    (worker,) = wide_workers(coordinator_house, num_workers=1)
    assert len(worker.take(40)) == 10
    assert wanted(coordinator_house) == 1


def test_workers_that_are_busy_take_rows_of_another_sweep_too(coordinator_house: CoordinatorHouse) -> None:
    first, second = wide_workers(coordinator_house, num_workers=2)
    coordinator_house.create(trials=200, engine="fused", budget={"parallel": 8})
    assert (len(first.take(4)), len(second.take(4))) == (4, 4)
    coordinator_house.create(trials=200, engine="fused", budget={"parallel": 2})
    assert wanted(coordinator_house, Outlook(num_workers=2)) == 2
    assert wanted(coordinator_house) == 2 + 6  # of which the other one would have six more
