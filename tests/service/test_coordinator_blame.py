"""Deaths and exceptions: which count, when a trial is given up, a sweep, or a worker."""

from typing import Any

import pytest

from service.protocol import ChildDeath
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker

COUNTING = [
    ({"how": "exit", "code": 1}, "exited with code 1"),
    ({"how": "signal", "signal": 11}, "SIGSEGV"),
    ({"how": "hang"}, "hang_seconds"),
    ({"how": "memory", "rss_mb": 900}, "900 MiB"),
    ({"how": "signal", "signal": 9, "oom": True, "rss_mb": 800}, "out of memory"),
]
FROM_OUTSIDE = [{"how": "signal", "signal": 9}, {"how": "signal", "signal": 15}]


@pytest.mark.parametrize(("death", "words"), COUNTING)
def test_a_death_of_its_own_counts_towards_the_attempts(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, death: dict[str, Any], words: str
) -> None:
    sweep = coordinator_house.create(limits={"attempts": 2})
    for _ in range(2):
        running = coordinator_worker.take_and_start()
        coordinator_worker.die(running.attempt, **death)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.attempts, trial.blamed_attempts) == (TrialState.FAILED, 2, 2)
    assert words in str(trial.reason)


@pytest.mark.parametrize("death", FROM_OUTSIDE)
def test_deaths_from_outside_do_not_count_until_the_tenth(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, death: dict[str, Any]
) -> None:
    sweep = coordinator_house.create(limits={"attempts": 1})
    for number in range(10):
        assert coordinator_house.states(sweep)[:1] in ([], [TrialState.WAITING])
        coordinator_worker.coordinator = coordinator_house.restart() if number == 5 else coordinator_worker.coordinator
        coordinator_worker.die(coordinator_worker.take_and_start().attempt, **death)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.reason) == (TrialState.FAILED, "killed from outside ten times")
    assert (trial.attempts, trial.blamed_attempts) == (10, 0)


def test_trials_that_die_together_are_not_blamed(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(limits={"attempts": 1})
    worker = ScriptedWorker(coordinator_house.coordinator, slots=2)
    attempts = tuple(one.attempt for one in worker.take(2))
    worker.start()
    worker.say(deaths=(ChildDeath(attempts=attempts, how="exit", code=1),))
    assert [(one.state, one.blamed_attempts) for one in coordinator_house.trials(sweep)] == [
        (TrialState.WAITING, 0)
    ] * 2


def test_what_the_user_asked_for_wrongly_fails_at_once_and_is_no_workers_fault(
    coordinator_house: CoordinatorHouse,
) -> None:
    sweep = coordinator_house.create(limits={"attempts": 3, "consecutive_failures": 2})
    worker = ScriptedWorker(coordinator_house.coordinator, slots=2)
    for attempt in [one.attempt for one in worker.take(2)]:
        worker.end(attempt, "FAILED", reason="it cannot be stacked", fault=True, traceback="Traceback: it cannot")
    trials = coordinator_house.trials(sweep)[:2]
    assert [(one.state, one.attempts, one.blamed_attempts) for one in trials] == [(TrialState.FAILED, 1, 0)] * 2
    assert {one.reason for one in trials} == {"it cannot be stacked"}
    assert coordinator_house.sweep(sweep).state is SweepState.FAILED


def test_an_exception_counts_and_its_reason_is_kept(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(limits={"attempts": 1})
    running = coordinator_worker.take_and_start()
    coordinator_worker.end(running.attempt, "FAILED", reason="ValueError: no", traceback="Traceback ...")
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.reason) == (TrialState.FAILED, "ValueError: no")


def test_a_death_after_the_last_word_is_nobodys(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    """The child dies in the very request that tells the trial's last epoch."""
    sweep = coordinator_house.create(limits={"attempts": 1})
    running = coordinator_worker.take_and_start()
    reports = coordinator_worker.reports(running.attempt)
    coordinator_worker.say(
        reports=reports, deaths=(ChildDeath(attempts=(running.attempt,), how="exit", code=1, seconds=9),)
    )
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.seconds) == (TrialState.COMPLETED, 2.0)


def test_the_next_attempt_goes_to_another_worker_where_there_is_one(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=1)
    first, second = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2"))
    first.die(first.take_and_start().attempt, how="exit", code=1)
    assert first.take() == []
    coordinator_house.restart()
    first.coordinator = second.coordinator = coordinator_house.coordinator
    assert first.take() == []
    second.die(second.take_and_start().attempt, how="exit", code=1)
    assert [one.trial for one in first.take()] == [0]


def test_too_many_failed_trials_fail_the_sweep(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    limits = {"attempts": 1, "failed_trials": 2, "consecutive_failures": 9}
    sweep = coordinator_house.create(trials=9, limits=limits)
    for number in range(3):
        running = coordinator_worker.take_and_start()
        if number == 1:
            coordinator_worker.finish(running.attempt)
        else:
            coordinator_worker.end(running.attempt, "FAILED")
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.reason) == (SweepState.FAILED, "2 trials failed (limits.failed_trials)")
    assert coordinator_worker.take() == []


def test_failures_in_a_row_fail_the_sweep_and_a_success_breaks_the_row(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=9, limits={"attempts": 1, "consecutive_failures": 2})
    for number in range(4):
        assert coordinator_house.sweep(sweep).state is not SweepState.FAILED
        running = coordinator_worker.take_and_start()
        if number == 1:
            coordinator_worker.finish(running.attempt)
        else:
            coordinator_worker.end(running.attempt, "FAILED")
    after = coordinator_house.sweep(sweep)
    assert after.state is SweepState.FAILED
    assert "limits.consecutive_failures" in str(after.reason)


def test_what_others_hold_ends_with_a_sweep_that_failed(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(trials=9, limits={"attempts": 1, "consecutive_failures": 1})
    first, second = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2"))
    other, running = first.take_and_start(), second.take_and_start()
    second.end(running.attempt, "FAILED")
    assert coordinator_house.states(sweep) == [TrialState.CANCELLED, TrialState.FAILED]
    assert [one.attempt for one in first.say(reports=first.reports(other.attempt)).answers] == [other.attempt]
    first.say()
    coordinator_house.coordinator.delete(sweep, mlflow_runs=False)


def test_a_worker_on_which_three_trials_died_is_benched_when_one_succeeds_elsewhere(
    coordinator_house: CoordinatorHouse,
) -> None:
    sweep = coordinator_house.create(trials=9)
    sick, sound = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("sick", "sound"))
    for _ in range(3):
        sick.end(sick.take_and_start().attempt, "FAILED")
    assert len(sick.take()) == 1
    sound.finish(sound.take_and_start().attempt)
    sick.hand.clear()
    assert sick.take() == []
    assert coordinator_house.sweep(sweep).state is SweepState.RUNNING
    sound.work()
    assert set(coordinator_house.states(sweep)) == {TrialState.COMPLETED}
    waiting = coordinator_house.create()
    sound.say(leaving=True)
    coordinator_house.coordinator.tick()
    assert "benched" in str(coordinator_house.sweep(waiting).reason)


def test_a_success_clears_a_workers_name(coordinator_house: CoordinatorHouse) -> None:
    coordinator_house.create(trials=20, limits={"failed_trials": 20})
    weak, other = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("weak", "other"))
    for number in range(4):
        running = weak.take_and_start()
        if number == 2:
            weak.finish(running.attempt)
        else:
            weak.end(running.attempt, "FAILED")
    other.work()
    assert {one.state for one in coordinator_house.coordinator.workers()} == {"ALIVE"}


def test_training_time_counts_over_all_attempts(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(limits={"trial_seconds": 10})
    first = coordinator_worker.take_and_start()
    coordinator_worker.die(first.attempt, how="signal", signal=9, seconds=6.0)
    second = coordinator_worker.take_and_start()
    coordinator_worker.seconds[second.attempt] = 4.5
    answer = coordinator_worker.say()
    assert [one.attempt for one in answer.answers] == [second.attempt]
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.reason) == (TrialState.FAILED, "over limits.trial_seconds (10 s)")
