"""What becomes of epoch reports: stored once, judged, and the end of a trial."""

from pathlib import Path

from service.stores import attempts
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.pausing import pausing_house
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from trainer.report import Verdict


def test_a_trials_value_is_that_of_its_best_epoch(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=1, epochs=3)
    running = coordinator_worker.take_and_start()
    values: list[float | None] = [0.5, 0.9, None]
    reports = tuple(coordinator_worker.report(running.attempt, n + 1, value=values[n]) for n in range(3))
    answer = coordinator_worker.say(reports=reports)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.value, trial.best_epoch, trial.num_epochs) == (TrialState.COMPLETED, 0.9, 2, 3)
    assert [one.metrics["val_accuracy"] for one in coordinator_house.epochs(sweep)] == values
    assert [(one.epoch, one.verdict, one.keep) for one in answer.answers] == [(3, Verdict.STOP, True)]
    best = coordinator_house.sweep(sweep)
    assert (best.state, best.best_number, best.best_value) == (SweepState.COMPLETED, 0, 0.9)


def test_a_loss_is_minimized(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    sweep = coordinator_house.create(trials=3, metric={"name": "val_loss"})
    coordinator_worker.metric = "val_loss"
    coordinator_worker.value_of = lambda trial, epoch: 1.0 + abs(trial - 1) + 1 / epoch
    coordinator_worker.work()
    assert coordinator_house.sweep(sweep).best_number == 1
    assert coordinator_house.trial(sweep, 1).best_epoch == 2


def test_the_time_of_an_epoch_is_when_it_ended(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    running = coordinator_worker.take_and_start()
    coordinator_house.pass_time(40)
    report = coordinator_worker.report(running.attempt, 1).model_copy(update={"age_seconds": 30})
    coordinator_worker.say(reports=(report,))
    assert coordinator_house.epochs(sweep)[0].at == coordinator_house.database.seconds - 30


def test_no_epoch_lies_before_the_one_before_it_or_before_its_trial(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(epochs=9)
    running = coordinator_worker.take_and_start()
    first, second = (coordinator_worker.report(running.attempt, epoch, seconds=epoch) for epoch in (1, 2))
    coordinator_worker.say(reports=(first.model_copy(update={"age_seconds": 500}),))
    coordinator_worker.say(reports=(second.model_copy(update={"age_seconds": 600}),))
    times = [one.at for one in coordinator_house.epochs(sweep)]
    assert times == sorted(times)
    assert (coordinator_house.trial(sweep).started_at or 0.0) <= times[0]


def test_an_epoch_is_stored_once(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    sweep = coordinator_house.create(epochs=3)
    first = coordinator_worker.take_and_start()
    coordinator_worker.say(reports=coordinator_worker.reports(first.attempt, last=2))
    coordinator_worker.die(first.attempt, how="signal", signal=9)
    stored = coordinator_house.epochs(sweep)
    second = coordinator_worker.take_and_start()
    coordinator_worker.value_of = lambda _trial, _epoch: 0.99
    coordinator_worker.say(reports=coordinator_worker.reports(second.attempt, last=2))
    assert (coordinator_house.epochs(sweep), coordinator_house.trial(sweep).value) == (
        stored,
        stored[-1].metrics["val_accuracy"],
    )
    coordinator_worker.say(reports=coordinator_worker.reports(second.attempt, first=3))
    told = [one.epoch for one in coordinator_house.events(sweep) if one.kind == "epoch"]
    assert told == [1, 2, 3]
    assert coordinator_house.states(sweep)[0] is TrialState.COMPLETED


def test_the_last_epoch_again_completes_the_trial(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    """All epochs of a trial whose metric was never finite come again from a later attempt."""
    sweep = coordinator_house.create(trials=1)
    coordinator_worker.value_of = lambda _trial, _epoch: None
    running = coordinator_worker.take_and_start()
    coordinator_worker.finish(running.attempt)
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.value, trial.best_epoch) == (TrialState.DIVERGED, None, None)
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.best_number) == (SweepState.COMPLETED, None)


def test_training_time_is_stored_each_second_and_at_the_end(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(epochs=4)
    attempt = coordinator_worker.take_and_start().attempt
    stored = []
    for epoch, seconds in enumerate((0.4, 1.2, 1.9, 1.95), start=1):
        coordinator_worker.say(reports=(coordinator_worker.report(attempt, epoch, seconds=seconds),))
        with coordinator_house.database.read() as connection:
            found = attempts.get(connection, attempt)
        assert found is not None
        stored.append(found.seconds)
    assert stored == [0.0, 1.2, 1.2, 1.95]
    assert coordinator_house.trial(sweep).seconds == 1.95


def test_a_diverged_trial_is_final_and_keeps_its_best_value(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=2)
    running = coordinator_worker.take_and_start()
    reports = coordinator_worker.reports(running.attempt, last=1)
    value = reports[0].metrics["val_accuracy"]
    coordinator_worker.say(reports=reports)
    coordinator_worker.end(running.attempt, "DIVERGED", reason="the loss is not finite")
    trial = coordinator_house.trial(sweep)
    assert (trial.state, trial.reason, trial.value) == (TrialState.DIVERGED, "the loss is not finite", value)
    after = coordinator_house.sweep(sweep)
    assert (after.trials_finished, after.failed_trials, after.best_number) == (1, 0, None)


def test_what_a_row_did_after_it_was_pruned_is_thrown_away(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(
        trials=4, epochs=9, pruner={"kind": "asha", "min_epochs": 1, "reduction_factor": 2}
    )
    coordinator_worker.value_of = lambda trial, _epoch: 1.0 - 0.1 * trial
    coordinator_worker.finish(coordinator_worker.take_and_start().attempt)
    coordinator_worker.finish(coordinator_worker.take_and_start().attempt)
    running = coordinator_worker.take_and_start()
    answer = coordinator_worker.say(reports=coordinator_worker.reports(running.attempt, last=5))
    assert [(one.epoch, one.verdict) for one in answer.answers] == [(1, Verdict.STOP)]
    trial = coordinator_house.trial(sweep, 2)
    assert (trial.state, trial.num_epochs, trial.reason) == (TrialState.PRUNED, 1, "pruned after epoch 1")
    assert len(coordinator_house.epochs(sweep, 2)) == 1


def test_a_paused_trial_goes_on_from_its_checkpoint_without_a_new_attempt(tmp_path: Path, database_url: str) -> None:
    promoted: list[int] = []
    house = pausing_house(tmp_path, promoted, database_url=database_url)
    sweep, worker = house.create(trials=2, epochs=3), ScriptedWorker(house.coordinator)
    first = worker.take_and_start()
    assert first.rungs == (1,)
    answer = worker.say(reports=worker.reports(first.attempt, last=2))
    assert [(one.epoch, one.verdict) for one in answer.answers] == [(1, Verdict.PAUSE)]
    assert (house.states(sweep), len(house.epochs(sweep))) == ([TrialState.PAUSED], 1)
    worker.say(reports=worker.reports(first.attempt, first=3))
    assert len(house.epochs(sweep)) == 1
    worker.end(first.attempt, "PAUSED", checkpoint=checkpoint("c"))
    second = worker.take_and_start()
    assert second.trial == 1
    promoted.append(0)
    (again,) = worker.take(1)
    assert (again.trial, again.checkpoint, again.attempt > first.attempt) == (0, checkpoint("c"), True)
    worker.say(reports=worker.reports(again.attempt, first=2))
    trial = house.trial(sweep)
    assert (trial.state, trial.attempts, trial.num_epochs) == (TrialState.COMPLETED, 1, 3)
    house.database.close()


def test_a_trial_promoted_before_its_checkpoint_came_waits_for_it(tmp_path: Path, database_url: str) -> None:
    promoted: list[int] = []
    house = pausing_house(tmp_path, promoted, database_url=database_url)
    sweep = house.create(trials=2, epochs=3)
    worker, other = (ScriptedWorker(house.coordinator, name) for name in ("w1", "w2"))
    first = worker.take_and_start()
    worker.say(reports=worker.reports(first.attempt, last=1))
    promoted.append(0)
    assert [one.trial for one in other.take()] == [1]
    assert other.take() == []
    answer = worker.end(first.attempt, "PAUSED", checkpoint=checkpoint("d"))
    assert answer.refused == ()
    (again,) = other.take()
    assert (again.trial, again.checkpoint) == (0, checkpoint("d"))
    assert house.trial(sweep).attempts == 1
    house.database.close()


def test_paused_trials_that_nobody_promotes_are_pruned_at_the_end(tmp_path: Path, database_url: str) -> None:
    house = pausing_house(tmp_path, [], database_url=database_url)
    sweep, worker = house.create(trials=2, epochs=3), ScriptedWorker(house.coordinator)
    for _ in range(2):
        running = worker.take_and_start()
        worker.say(reports=worker.reports(running.attempt, last=1))
        worker.end(running.attempt, "PAUSED", checkpoint=checkpoint("e"))
    after = house.sweep(sweep)
    assert (after.state, after.trials_finished) == (SweepState.COMPLETED, 2)
    assert {(one.state, one.reason) for one in house.trials(sweep)} == {(TrialState.PRUNED, "never promoted")}
    house.database.close()


def test_events_tell_each_state_once_and_in_order(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=2)
    coordinator_worker.work()
    told = [(one.kind, one.number, one.epoch, one.state) for one in coordinator_house.events(sweep)]
    assert told == [
        ("sweep.state", None, None, "PENDING"),
        ("trial.state", 0, None, "WAITING"),
        ("sweep.state", None, None, "RUNNING"),
        ("trial.state", 0, None, "RUNNING"),
        ("epoch", 0, 1, None),
        ("epoch", 0, 2, None),
        ("trial.state", 0, None, "COMPLETED"),
        ("best", 0, None, None),
        ("trial.state", 1, None, "WAITING"),
        ("trial.state", 1, None, "RUNNING"),
        ("epoch", 1, 1, None),
        ("epoch", 1, 2, None),
        ("trial.state", 1, None, "COMPLETED"),
        ("best", 1, None, None),
        ("sweep.state", None, None, "COMPLETED"),
    ]
    ids = [one.id for one in coordinator_house.events(sweep)]
    assert ids == sorted(set(ids))


def test_a_metric_that_is_not_finite_at_a_rung_is_a_divergence(tmp_path: Path, database_url: str) -> None:
    house = CoordinatorHouse(tmp_path, database_url=database_url)
    sweep = house.create(epochs=9, pruner={"kind": "asha", "min_epochs": 1, "reduction_factor": 3})
    worker = ScriptedWorker(house.coordinator)
    first = worker.take_and_start()
    worker.say(reports=(worker.report(first.attempt, 1, value=None),))
    assert house.states(sweep)[0] is TrialState.DIVERGED
    house.database.close()
