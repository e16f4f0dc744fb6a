"""What pause, resume, stop, cancel, extend and delete do to sweeps and to what workers hold."""

import pytest

from service.errors import Conflict, InvalidRequest, NotFound
from service.schemas import Extension
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.report import Verdict


def test_cancel_ends_all_trials_at_once_and_tells_the_worker(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=9, engine="fused")
    assignment = coordinator_worker.take_and_start()
    coordinator_worker.take(2)
    assert coordinator_house.coordinator.change(sweep, verb="cancel").state is SweepState.CANCELLING
    assert set(coordinator_house.states(sweep)) == {TrialState.CANCELLED}
    answer = coordinator_worker.say(want=3, reports=coordinator_worker.reports(assignment.attempt))
    assert {(one.epoch, one.verdict) for one in answer.answers} == {(None, Verdict.STOP)}
    assert (len(answer.answers), answer.assignments) == (3, ())
    assert coordinator_house.epochs(sweep) == []
    coordinator_worker.say(want=3)
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.reason) == (SweepState.CANCELLED, "cancelled by a user")
    assert after.ended_at is not None


def test_cancel_is_over_at_once_when_nobody_holds_a_trial(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(first=["baseline"])
    assert coordinator_house.coordinator.change(sweep, verb="cancel").state is SweepState.CANCELLED
    assert coordinator_house.states(sweep) == [TrialState.CANCELLED]


def test_cancel_does_not_wait_for_a_worker_that_is_gone(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take_and_start()
    coordinator_house.coordinator.change(sweep, verb="cancel")
    coordinator_house.coordinator.worker_gone("w1", how="killed")
    assert coordinator_house.sweep(sweep).state is SweepState.CANCELLED


def test_stop_lets_running_trials_finish_and_begins_none(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=9)
    running = coordinator_worker.take_and_start()
    (ahead,) = coordinator_worker.take(1)
    waiting = coordinator_house.coordinator.try_settings(sweep, settings={})
    assert coordinator_house.coordinator.change(sweep, verb="stop").state is SweepState.STOPPING
    assert coordinator_house.states(sweep) == [TrialState.RUNNING, TrialState.CANCELLED, TrialState.CANCELLED]
    assert coordinator_house.trial(sweep, waiting.number).reason == "the sweep was stopped"
    answer = coordinator_worker.say(want=2)
    assert [(one.attempt, one.verdict) for one in answer.answers] == [(ahead.attempt, Verdict.STOP)]
    assert answer.assignments == ()
    coordinator_worker.finish(running.attempt)
    assert coordinator_house.states(sweep)[0] is TrialState.COMPLETED
    assert (coordinator_house.sweep(sweep).state, coordinator_worker.take()) == (SweepState.STOPPED, [])


def test_a_sweep_that_stops_gives_a_trial_that_died_another_attempt(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_house.coordinator.change(sweep, verb="stop")
    coordinator_worker.die(running.attempt, how="signal", signal=9)
    (again,) = coordinator_worker.take(3)
    assert again.trial == running.trial
    coordinator_worker.finish(again.attempt)
    assert coordinator_house.sweep(sweep).state is SweepState.STOPPED


def test_stop_ends_a_sweep_whose_next_trial_lies_with_a_silent_worker(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take()
    coordinator_house.pass_time(61)
    coordinator_house.coordinator.change(sweep, verb="stop")
    assert coordinator_house.sweep(sweep).state is SweepState.STOPPED


def test_pause_takes_back_what_has_not_begun_and_resume_hands_it_out_again(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=2)
    running = coordinator_worker.take_and_start()
    (ahead,) = coordinator_worker.take(1)
    assert coordinator_house.coordinator.change(sweep, verb="pause").state is SweepState.PAUSED
    answer = coordinator_worker.say(want=1)
    assert [(one.attempt, one.verdict) for one in answer.answers] == [(ahead.attempt, Verdict.STOP)]
    coordinator_worker.finish(running.attempt)
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED, TrialState.WAITING]
    assert coordinator_worker.take() == []
    assert coordinator_house.coordinator.change(sweep, verb="resume").state is SweepState.RUNNING
    (again,) = coordinator_worker.take()
    assert (again.trial, again.attempt > ahead.attempt) == (ahead.trial, True)
    coordinator_worker.finish(again.attempt)
    trial = coordinator_house.trial(sweep, again.trial)
    assert (trial.state, trial.attempts) == (TrialState.COMPLETED, 1)


def test_a_pause_costs_no_seconds_of_the_budget(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take()
    coordinator_house.pass_time(5)
    coordinator_house.coordinator.change(sweep, verb="pause")
    coordinator_house.pass_time(40)
    coordinator_house.coordinator.change(sweep, verb="resume")
    coordinator_house.pass_time(2)
    spent = coordinator_house.sweep(sweep).seconds_running(now=coordinator_house.database.seconds)
    assert spent == pytest.approx(7)


def test_resume_of_a_sweep_that_never_ran_lets_it_wait_again(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create()
    coordinator_house.coordinator.change(sweep, verb="pause")
    assert coordinator_house.coordinator.change(sweep, verb="resume").state is SweepState.PENDING
    coordinator_house.coordinator.tick()
    assert coordinator_house.sweep(sweep).reason == "no worker is here yet"


@pytest.mark.parametrize("verb", ["pause", "stop", "cancel"])
def test_a_verb_again_changes_nothing(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, verb: str
) -> None:
    sweep = coordinator_house.create()
    coordinator_worker.take_and_start()
    once = coordinator_house.coordinator.change(sweep, verb=verb)
    events = coordinator_house.events(sweep)
    assert coordinator_house.coordinator.change(sweep, verb=verb) == once
    assert coordinator_house.events(sweep) == events


def test_extend_goes_on_with_the_sampler_of_a_completed_sweep(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sampler = {"kind": "qmc", "seed": 5}
    in_one, in_two = (coordinator_house.create(trials=trials, sampler=sampler) for trials in (6, 4))
    coordinator_worker.work()
    assert coordinator_house.sweep(in_two).state is SweepState.COMPLETED
    extended = coordinator_house.coordinator.extend(in_two, by=Extension(trials=2))
    assert (extended.state, extended.ended_at, extended.budget_trials) == (SweepState.RUNNING, None, 6)
    assert coordinator_worker.work() == [4, 5]
    proposals = [[one.settings for one in coordinator_house.trials(sweep)] for sweep in (in_one, in_two)]
    assert proposals[0] == proposals[1]
    after = coordinator_house.sweep(in_two)
    assert (after.state, after.reason, after.spec.budget.trials) == (SweepState.COMPLETED, "budget.trials spent", 4)


@pytest.mark.parametrize("by", [Extension(), Extension(seconds=5)])
def test_an_extension_by_nothing_leaves_no_trace(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, by: Extension
) -> None:
    sweep = coordinator_house.create(trials=1)
    coordinator_worker.work()
    with pytest.raises(InvalidRequest) as raised:
        coordinator_house.coordinator.extend(sweep, by=by)
    assert raised.value.errors
    coordinator_house.coordinator.delete(sweep, mlflow_runs=False)
    with pytest.raises(NotFound):
        coordinator_house.coordinator.change(sweep, verb="cancel")


@pytest.mark.parametrize("verb", ["stop", "cancel"])
def test_a_sweep_that_was_ended_by_a_user_is_not_extended(coordinator_house: CoordinatorHouse, verb: str) -> None:
    sweep = coordinator_house.create()
    ended = coordinator_house.coordinator.change(sweep, verb=verb)
    with pytest.raises(Conflict, match=ended.state.value):
        coordinator_house.coordinator.extend(sweep, by=Extension(trials=1))


def test_only_what_is_final_is_deleted_with_its_files(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=1)
    with pytest.raises(Conflict, match=":cancel"):
        coordinator_house.coordinator.delete(sweep, mlflow_runs=False)
    coordinator_worker.work()
    coordinator_house.coordinator.delete(sweep, mlflow_runs=True)
    assert coordinator_house.num_sweeps() == 0
    assert coordinator_house.events(sweep) == []
    with pytest.raises(NotFound):
        coordinator_house.coordinator.delete(sweep, mlflow_runs=False)
