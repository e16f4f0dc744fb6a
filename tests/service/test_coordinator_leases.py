"""Leases, fences and restarts: who may go on with a trial when somebody was away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from service.errors import Conflict, SessionEnded, Unavailable
from service.protocol import Hello
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import ClockedDatabase, CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from trainer.report import CheckpointNote


def test_a_silent_workers_trial_waits_and_is_its_own_again_when_it_comes_back(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_house.pass_time(59)
    assert coordinator_house.states(sweep) == [TrialState.RUNNING]
    coordinator_house.pass_time(2)
    assert coordinator_house.states(sweep) == [TrialState.WAITING]
    answer = coordinator_worker.say()
    assert answer.refused == ()
    assert coordinator_house.states(sweep) == [TrialState.RUNNING]
    coordinator_worker.finish(running.attempt)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.attempts) == (TrialState.COMPLETED, 1)


def test_a_trial_that_was_taken_over_is_refused_to_the_one_who_had_it(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_house.pass_time(61)
    other = ScriptedWorker(coordinator_house.coordinator, "w2")
    (taken,) = other.take()
    assert (taken.trial, taken.attempt > running.attempt) == (running.trial, True)
    answer = coordinator_worker.say(reports=coordinator_worker.reports(running.attempt))
    assert [(one.attempt, one.status) for one in answer.refused] == [(running.attempt, 409)]
    assert (answer.answers, coordinator_house.epochs(sweep)) == ((), [])
    other.finish(taken.attempt)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.attempts, trial.worker) == (TrialState.COMPLETED, 2, "w2")
    assert len(coordinator_house.epochs(sweep)) == 2


def test_a_trial_handed_out_and_never_begun_costs_no_attempt_when_its_worker_is_silent(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take()
    coordinator_house.pass_time(61)
    other = ScriptedWorker(coordinator_house.coordinator, "w2")
    assert [one.trial for one in other.take()] == [0]
    other.start()
    other.say()
    assert coordinator_house.trial(sweep).attempts == 1


def test_an_idle_worker_that_falls_silent_is_gone(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_worker.say()
    coordinator_house.pass_time(61)
    assert coordinator_house.coordinator.workers() == []
    with pytest.raises(SessionEnded):
        coordinator_worker.say()


def test_a_worker_that_the_executor_saw_go_loses_its_trials_at_once(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_worker.say(checkpoints=(CheckpointNote(attempt=running.attempt, checkpoint=checkpoint("b")),))
    coordinator_house.coordinator.worker_gone("w1", how="the worker was killed by SIGKILL")
    coordinator_house.coordinator.worker_gone("w1", how="again")
    other = ScriptedWorker(coordinator_house.coordinator, "w2")
    (again,) = other.take()
    assert (again.trial, again.checkpoint) == (running.trial, checkpoint("b"))
    trial = coordinator_house.trial(sweep)
    assert (trial.attempts, trial.blamed_attempts, trial.outside_deaths) == (2, 0, 1)


def test_running_attempts_survive_a_restart(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_worker.say(reports=coordinator_worker.reports(running.attempt, last=1))
    coordinator_worker.coordinator = coordinator_house.restart()
    answer = coordinator_worker.say(reports=coordinator_worker.reports(running.attempt, first=2))
    assert answer.refused == ()
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.attempts, trial.num_epochs) == (TrialState.COMPLETED, 1, 2)


def test_no_lease_ends_within_the_first_period_after_a_start(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take_and_start()
    coordinator_house.database.seconds += 600
    coordinator_house.restart()
    coordinator_house.pass_time(59)
    assert coordinator_house.states(sweep) == [TrialState.RUNNING]
    coordinator_house.pass_time(2)
    assert coordinator_house.states(sweep) == [TrialState.WAITING]


class BrokenDatabase(ClockedDatabase):
    """A database that can be out of reach."""

    is_away = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, while there is a database."""
        if self.is_away:
            raise Unavailable("The database cannot be reached now; try again soon.")
        with super().write() as connection:
            yield connection


def test_no_lease_ends_because_the_database_was_away(tmp_path: Path, database_url: str) -> None:
    house = CoordinatorHouse(tmp_path, database_url=database_url)
    house.database.close()
    house.database = database = BrokenDatabase(database_url)
    worker = ScriptedWorker(house.restart())
    sweep = house.create()
    running = worker.take_and_start()
    database.is_away = True
    with pytest.raises(Unavailable):
        house.pass_time(300)
    database.is_away = False
    house.pass_time(59)
    assert house.states(sweep) == [TrialState.RUNNING]
    worker.finish(running.attempt)
    assert house.states(sweep) == [TrialState.COMPLETED]
    house.pass_time(61)
    assert house.coordinator.workers() == []
    database.close()


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random", "cmaes"])
def test_a_sweep_with_restarts_tries_what_it_would_have_tried_without(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, sampler: str
) -> None:
    options: dict[str, Any] = {"sampler": {"kind": sampler, "seed": 3}, "first": ["baseline"]}
    straight, broken = coordinator_house.create(trials=14, **options), coordinator_house.create(trials=14, **options)
    coordinator_house.coordinator.change(broken, verb="pause")
    coordinator_worker.work()
    coordinator_house.coordinator.change(broken, verb="resume")
    for _ in range(14):
        coordinator_worker.coordinator = coordinator_house.restart()
        coordinator_worker.work(max_trials=1)
    assert coordinator_house.sweep(broken).state is SweepState.COMPLETED
    settings = [[one.settings for one in coordinator_house.trials(sweep)] for sweep in (straight, broken)]
    assert settings[0] == settings[1]
    assert len(settings[0]) == 14


def test_a_machine_that_slept_ends_no_lease(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_house.sleep(3600)
    assert coordinator_house.states(sweep) == [TrialState.RUNNING]
    coordinator_worker.finish(running.attempt)
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED]


def test_hello_may_be_said_again_while_its_answer_is_lost(coordinator_house: CoordinatorHouse) -> None:
    hello = Hello(worker="w9", executor="external", host="h", pid=9, slots=1, device="cpu", version="1")
    coordinator_house.coordinator.hello(hello)
    token = coordinator_house.coordinator.hello(hello).token
    coordinator_house.coordinator.authenticate("w9", token=token)
    with pytest.raises(Conflict):
        coordinator_house.coordinator.hello(hello.model_copy(update={"pid": 10}))
