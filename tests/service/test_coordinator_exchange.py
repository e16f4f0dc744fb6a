"""Numbers, lost answers and refusals: a worker and the service never disagree about who holds what."""

import pytest

from service.coordination.exchanging import Call
from service.errors import Conflict, NotTheOwner, SessionEnded, Unauthorized
from service.protocol import ChildDeath, Exchange, Hello
from sweeps.states import TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint, exchanged
from trainer.report import CheckpointNote, Ending, EpochReport, Verdict


def test_a_repeated_number_gets_the_stored_answer_and_is_handled_once(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    assignment = coordinator_worker.take_and_start()
    answer = coordinator_worker.say_and_miss_the_answer(want=1, reports=coordinator_worker.reports(assignment.attempt))
    events = coordinator_house.events(sweep)
    coordinator_house.pass_time(1)
    again = coordinator_worker.repeat()
    coordinator_house.restart()
    coordinator_worker.coordinator = coordinator_house.coordinator
    after_restart = coordinator_worker.repeat()
    for stored in (again, after_restart):
        assert stored.model_copy(update={"work_version": 0}) == answer.model_copy(update={"work_version": 0})
    assert coordinator_house.events(sweep) == events
    assert len(coordinator_house.epochs(sweep)) == 2


def test_a_number_from_the_past_is_refused(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_worker.say()
    coordinator_worker.say()
    with pytest.raises(Conflict, match="older"):
        exchanged(coordinator_house.coordinator, Call("w1", coordinator_worker.token, Exchange(number=1, answered=0)))


def test_trials_of_an_answer_that_was_read_but_not_kept_go_back_free_of_charge(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    (first,) = coordinator_worker.take()
    coordinator_worker.hand.clear()
    (second,) = coordinator_worker.take()
    assert (second.trial, second.attempt > first.attempt) == (first.trial, True)
    assert coordinator_house.trial(sweep).attempts == 0


def test_trials_of_an_answer_that_was_never_read_are_left_alone(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_house.create()
    coordinator_worker.say()
    coordinator_worker.say_and_miss_the_answer(want=1)
    stale = coordinator_worker.answered
    request = Exchange(number=stale + 2, answered=stale, num_wanted=1)
    answer = exchanged(coordinator_house.coordinator, Call("w1", coordinator_worker.token, request))
    assert [one.trial for one in answer.assignments] == [1]


def test_a_worker_that_leaves_hands_all_back_free_of_charge(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    note = CheckpointNote(attempt=running.attempt, checkpoint=checkpoint("a"))
    coordinator_worker.take(1)
    answer = coordinator_worker.say(want=2, leaving=True, checkpoints=(note,))
    assert answer.assignments == ()
    assert coordinator_house.states(sweep) == [TrialState.WAITING, TrialState.WAITING]
    assert coordinator_house.coordinator.workers() == []
    with pytest.raises(SessionEnded):
        coordinator_worker.say()
    (again,) = ScriptedWorker(coordinator_house.coordinator, "w2").take()
    assert (again.trial, again.checkpoint) == (running.trial, note.checkpoint)
    assert coordinator_house.trial(sweep).attempts == 1


def test_a_worker_speaks_for_its_own_attempts_only(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    theirs = coordinator_worker.take_and_start()
    before = coordinator_house.trial(sweep)
    stranger = ScriptedWorker(coordinator_house.coordinator, "stranger")
    answer = stranger.say(
        reports=(EpochReport(attempt=theirs.attempt, epoch=1, metrics={"val_accuracy": 1.0}, seconds=1),),
        endings=(Ending(attempt=theirs.attempt, state="FAILED", reason="no", seconds=1),),
        checkpoints=(CheckpointNote(attempt=theirs.attempt, checkpoint=checkpoint("a")),),
        deaths=(ChildDeath(attempts=(theirs.attempt,), how="exit", code=1),),
    )
    assert [(one.attempt, one.status) for one in answer.refused] == [(theirs.attempt, 409)]
    assert answer.answers == ()
    assert coordinator_house.trial(sweep) == before
    assert coordinator_house.epochs(sweep) == []


def test_a_worker_is_known_by_its_token(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    other = ScriptedWorker(coordinator_house.coordinator, "w2")
    for token in (other.token, "", "é"):
        with pytest.raises(Unauthorized):
            exchanged(coordinator_house.coordinator, Call("w1", token, Exchange(number=1, answered=0)))
        with pytest.raises(Unauthorized):
            coordinator_house.coordinator.authenticate("w1", token=token)
    with pytest.raises(SessionEnded):
        coordinator_house.coordinator.authenticate("w3", token=other.token)
    coordinator_house.coordinator.authenticate("w1", token=coordinator_worker.token)


def test_an_id_introduces_itself_once(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    coordinator_worker.say(leaving=True)
    hello = Hello(worker="w1", executor="local", host="h", pid=2, slots=1, device="cpu", version="1")
    with pytest.raises(Conflict, match="new at each start"):
        coordinator_house.coordinator.hello(hello)


def test_an_older_coordinator_finds_out_that_it_is_not_the_owner(coordinator_house: CoordinatorHouse) -> None:
    older = coordinator_house.coordinator
    coordinator_house.restart()
    for step in (older.tick, older.workers, lambda: older.create({"problem": {"dataset": "digits"}})):
        with pytest.raises(NotTheOwner, match="taken over"):
            step()
    assert coordinator_house.num_sweeps() == 0
    coordinator_house.coordinator.tick()


def test_an_attempt_never_gets_the_id_of_another(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=1)
    (first,) = coordinator_worker.take()
    coordinator_worker.finish(first.attempt)
    coordinator_house.coordinator.delete(sweep, mlflow_runs=False)
    coordinator_worker.coordinator = coordinator_house.restart()
    coordinator_house.create()
    assert coordinator_worker.take()[0].attempt > first.attempt


def test_a_bell_that_rings_during_an_exchange_is_heard(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    idle = coordinator_worker.say(want=1)
    assert idle.work_version == coordinator_house.coordinator.work.count
    coordinator_house.create()
    assert coordinator_house.coordinator.work.count != idle.work_version


def test_a_free_place_is_told_to_workers_that_wait(coordinator_house: CoordinatorHouse) -> None:
    """With `parallel` 1 a worker waits for the end of an attempt, also of one that only had to be stopped."""
    coordinator_house.create(budget={"parallel": 1}, limits={"trial_seconds": 5})
    first, second = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2"))
    running = first.take_and_start()
    assert second.take() == []
    first.seconds[running.attempt] = 6.0
    assert [one.verdict for one in first.say().answers] == [Verdict.STOP]
    version = second.say(want=1).work_version
    first.say()
    assert coordinator_house.coordinator.work.count != version
    assert len(second.take()) == 1
