"""Trials that died with their child run alone from then on: who is blamed, and that a restart remembers."""

from pathlib import Path

import pytest

from service.protocol import ChildDeath
from sweeps.states import TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.pausing import pausing_house
from tests.service.scripted_worker import ScriptedWorker, checkpoint

GUILTY = 2
NUM_ROWS = 4


@pytest.fixture
def worker(coordinator_house: CoordinatorHouse) -> ScriptedWorker:
    return ScriptedWorker(coordinator_house.coordinator, slots=NUM_ROWS)


def stacked(house: CoordinatorHouse, *, attempts: int = 2) -> str:
    """A sweep of which a worker trains several trials at a time."""
    return house.create(trials=NUM_ROWS, engine="fused", limits={"attempts": attempts})


def die_together(worker: ScriptedWorker) -> None:
    """All that it is handed dies in its first epoch."""
    attempts = tuple(one.attempt for one in worker.take(NUM_ROWS))
    worker.start()
    worker.say(deaths=(ChildDeath(attempts=attempts, how="exit", code=3),))


def test_what_died_together_runs_alone_until_the_guilty_one_is_found(
    coordinator_house: CoordinatorHouse, worker: ScriptedWorker
) -> None:
    sweep = stacked(coordinator_house)
    die_together(worker)
    order = []
    while handed := worker.take(NUM_ROWS):
        (running,) = handed
        assert running.alone
        order.append(running.trial)
        worker.start()
        if running.trial == GUILTY:
            worker.die(running.attempt, how="exit", code=3)
        else:
            worker.finish(running.attempt)
    assert sorted(order) == [0, 1, GUILTY, GUILTY, 3]
    for trial in coordinator_house.trials(sweep):
        if trial.number == GUILTY:
            assert (trial.state, trial.attempts, trial.blamed_attempts) == (TrialState.FAILED, 3, 2)
            assert trial.reason == "the training process exited with code 3 (attempt 2 of 2)"
        else:
            assert (trial.state, trial.attempts, trial.blamed_attempts) == (TrialState.COMPLETED, 2, 0)


def test_a_service_that_starts_again_remembers_the_suspects(
    coordinator_house: CoordinatorHouse, worker: ScriptedWorker
) -> None:
    stacked(coordinator_house)
    die_together(worker)
    worker.coordinator = coordinator_house.restart()
    assert [(one.trial, one.alone) for one in worker.take(NUM_ROWS)] == [(0, True)]


def test_one_that_left_a_child_alive_may_run_with_others_again(tmp_path: Path, database_url: str) -> None:
    """A suspect that paused was not the killer, whatever it did before."""
    promoted: list[int] = []
    house = pausing_house(tmp_path, promoted, database_url=database_url)
    worker = ScriptedWorker(house.coordinator, slots=NUM_ROWS)
    stacked(house)
    die_together(worker)
    (running,) = worker.take(NUM_ROWS)
    worker.start()
    worker.say(reports=worker.reports(running.attempt, last=1))
    worker.end(running.attempt, "PAUSED", checkpoint=checkpoint("a"))
    promoted.append(running.trial)
    worker.coordinator = house.restart()
    handed = [one for _ in range(NUM_ROWS) for one in worker.take(NUM_ROWS)]
    assert [(one.trial, one.alone) for one in handed] == [(1, True), (2, True), (3, True), (0, False)]
    house.database.close()


def test_a_trial_that_died_by_itself_kills_no_others_next_time(
    coordinator_house: CoordinatorHouse, worker: ScriptedWorker
) -> None:
    coordinator_house.create(trials=NUM_ROWS, engine="fused", limits={"attempts": 3})
    (first,) = worker.take(1)
    worker.start()
    worker.die(first.attempt, how="signal", signal=11)
    assert [(one.trial, one.alone) for one in worker.take(NUM_ROWS)] == [(0, True)]


def test_what_ended_without_a_death_of_the_child_is_no_suspect(
    coordinator_house: CoordinatorHouse, worker: ScriptedWorker
) -> None:
    stacked(coordinator_house)
    (first,) = worker.take(1)
    worker.start()
    worker.end(first.attempt, "FAILED")
    worker.say(leaving=True)
    other = ScriptedWorker(coordinator_house.coordinator, "w2", slots=NUM_ROWS)
    assert [one.alone for one in other.take(NUM_ROWS)] == [False] * NUM_ROWS


def test_suspects_need_no_other_worker(coordinator_house: CoordinatorHouse, worker: ScriptedWorker) -> None:
    """Nothing is known against the worker on which many died at once: each worker takes its part of them."""
    stacked(coordinator_house)
    other = ScriptedWorker(coordinator_house.coordinator, "w2", slots=NUM_ROWS)
    attempts = tuple(one.attempt for one in worker.take(2))
    worker.start()
    worker.say(deaths=(ChildDeath(attempts=attempts, how="exit", code=3),))
    assert [(one.trial, one.alone) for one in worker.take(NUM_ROWS)] == [(0, True)]
    assert [(one.trial, one.alone) for one in other.take(NUM_ROWS)] == [(1, True)]
