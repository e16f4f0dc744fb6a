"""Which checkpoints and weights are kept, and which files go."""

from pathlib import Path

import pytest

from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from trainer.report import CheckpointNote, WeightsNote


def put(house: CoordinatorHouse, letter: str) -> Path:
    """A file lies in the store as a worker on this machine would write it."""
    file = house.files.folder / f"{letter * 64}.safetensors"
    file.write_bytes(b"weights")
    return file


def train(worker: ScriptedWorker, letter: str, value: float) -> bool:
    """One trial of this value; its weights are put when they are wanted. Answers whether they were."""
    worker.value_of = lambda _trial, _epoch: value
    assignment = worker.take_and_start()
    (answer,) = worker.finish(assignment.attempt).answers
    if answer.keep:
        worker.say(weights=(WeightsNote(attempt=assignment.attempt, weights=checkpoint(letter)),))
    return answer.keep


def kept(house: CoordinatorHouse, sweep: str) -> list[int]:
    """The trials whose weights are kept."""
    return [trial.number for trial in house.trials(sweep) if trial.weights is not None]


def test_the_weights_of_the_best_are_wanted_and_the_worst_file_goes(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=6, keep={"weights": 2})
    files = [put(coordinator_house, letter) for letter in "abcd"]
    assert [train(coordinator_worker, letter, value) for letter, value in [("a", 0.5), ("b", 0.7), ("c", 0.6)]] == [
        True,
        True,
        True,
    ]
    assert not train(coordinator_worker, "d", 0.1)
    assert kept(coordinator_house, sweep) == [1, 2]
    assert [file.exists() for file in files] == [False, True, True, True]
    coordinator_worker.coordinator = coordinator_house.restart()
    assert not train(coordinator_worker, "d", 0.55)
    assert train(coordinator_worker, "d", 0.9)
    assert kept(coordinator_house, sweep) == [1, 5]


def test_the_least_loss_is_best(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    sweep = coordinator_house.create(metric={"name": "val_loss"}, keep={"weights": 1})
    coordinator_worker.metric = "val_loss"
    wanted = [train(coordinator_worker, letter, value) for letter, value in [("a", 3.0), ("b", 0.0), ("c", 1.0)]]
    assert wanted == [True, True, False]
    assert kept(coordinator_house, sweep) == [1]


def test_of_equals_the_answer_of_the_sweep_is_kept(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=3, keep={"weights": 1}, engine="fused")
    worker = coordinator_worker
    worker.value_of = lambda _trial, _epoch: 1.0
    later, first, last = worker.take(3)
    for letter, assignment in (("b", first), ("a", later), ("c", last)):
        worker.finish(assignment.attempt)
        worker.say(weights=(WeightsNote(attempt=assignment.attempt, weights=checkpoint(letter)),))
    assert coordinator_house.sweep(sweep).best_number == first.trial == 1
    assert kept(coordinator_house, sweep) == [1]


def test_nothing_is_kept_where_nothing_is_asked_for(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    coordinator_house.create(keep={"weights": 0})
    assert not train(coordinator_worker, "a", 0.5)


def test_weights_that_come_twice_or_from_a_stranger_change_nothing(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    file = put(coordinator_house, "a")
    assignment = coordinator_worker.take_and_start()
    coordinator_worker.finish(assignment.attempt)
    note = WeightsNote(attempt=assignment.attempt, weights=checkpoint("a"))
    coordinator_worker.say(weights=(note, note))
    ScriptedWorker(coordinator_house.coordinator, "w2").say(
        weights=(note.model_copy(update={"weights": checkpoint("f")}),)
    )
    assert coordinator_house.trial(sweep).weights == checkpoint("a")
    assert file.exists()


def test_a_checkpoint_is_replaced_by_the_next_and_goes_with_the_trials_end(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    old, new = put(coordinator_house, "a"), put(coordinator_house, "b")
    attempt = coordinator_worker.take_and_start().attempt
    coordinator_worker.say(checkpoints=(CheckpointNote(attempt=attempt, checkpoint=checkpoint("a")),))
    assert coordinator_house.trial(sweep).checkpoint == checkpoint("a")
    coordinator_worker.say(checkpoints=(CheckpointNote(attempt=attempt, checkpoint=checkpoint("b")),))
    assert (old.exists(), new.exists()) == (False, True)
    coordinator_worker.finish(attempt)
    assert coordinator_house.trial(sweep).checkpoint is None
    assert not new.exists()


def test_a_checkpoint_that_comes_after_the_trials_end_goes(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    late = put(coordinator_house, "a")
    attempt = coordinator_worker.take_and_start().attempt
    coordinator_house.coordinator.change(sweep, verb="cancel")
    coordinator_worker.say(checkpoints=(CheckpointNote(attempt=attempt, checkpoint=checkpoint("a")),))
    assert not late.exists()


def test_deleting_a_sweep_removes_its_files(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=1)
    file = put(coordinator_house, "a")
    train(coordinator_worker, "a", 0.5)
    coordinator_house.coordinator.delete(sweep, mlflow_runs=False)
    assert not file.exists()


def test_a_file_that_another_trial_shares_stays(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    """Trials of the same problem, settings and seed have the same weights, byte for byte: one file."""
    one, two = (coordinator_house.create(trials=1) for _ in range(2))
    file = put(coordinator_house, "a")
    for _ in range(2):
        train(coordinator_worker, "a", 0.5)
    coordinator_house.coordinator.delete(one, mlflow_runs=False)
    assert file.exists()
    coordinator_house.coordinator.delete(two, mlflow_runs=False)
    assert not file.exists()


@pytest.mark.parametrize("verb", ["cancel", "stop"])
def test_checkpoints_go_when_a_user_ends_the_sweep(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, verb: str
) -> None:
    sweep = coordinator_house.create(trials=1)
    file = put(coordinator_house, "a")
    attempt = coordinator_worker.take_and_start().attempt
    coordinator_worker.say(checkpoints=(CheckpointNote(attempt=attempt, checkpoint=checkpoint("a")),))
    coordinator_house.coordinator.change(sweep, verb=verb)
    coordinator_worker.finish(attempt) if verb == "stop" else coordinator_worker.say()
    assert not file.exists()
