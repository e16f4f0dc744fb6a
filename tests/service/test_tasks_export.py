"""The export of a sweep's winner, from its end to the file."""

import pytest

from service.coordination.tasks import MAX_TRIES
from service.protocol import ExchangeAnswer
from service.records import ModelExport
from service.schemas import Extension
from sweeps.states import SweepState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from trainer.report import WeightsNote
from trainer.task import Export, Exported, Task, TaskResult


def end_sweep(house: CoordinatorHouse, worker: ScriptedWorker, *, trials: int = 1, letter: str = "a") -> str:
    """A sweep at its end, its last trial the best, whose weights have come."""
    sweep_id = house.create(trials=trials, keep={"weights": 1})
    work(worker, letter=letter)
    return sweep_id


def work(worker: ScriptedWorker, *, letter: str) -> None:
    """Trains all there is, and brings the weights of the last trial."""
    last = 0
    while assignments := worker.take():
        for assignment in assignments:
            last = assignment.attempt
            worker.finish(last)
    bring(worker, last, letter=letter)


def bring(worker: ScriptedWorker, attempt: int, *, letter: str) -> ExchangeAnswer:
    return worker.say(weights=(WeightsNote(attempt=attempt, weights=checkpoint(letter)),))


def put_file(house: CoordinatorHouse, letter: str) -> Exported:
    (house.files.folder / f"{letter * 64}.safetensors").write_bytes(b"x")
    return Exported(file=checkpoint(letter))


def has_file(house: CoordinatorHouse, letter: str) -> bool:
    return (house.files.folder / f"{letter * 64}.safetensors").exists()


def task_of(worker: ScriptedWorker) -> Task:
    """The task that it was handed and has not done."""
    (task,) = worker.tasks or worker.say().tasks
    worker.tasks.clear()
    return task


def export(house: CoordinatorHouse, worker: ScriptedWorker, task: Task, *, letter: str) -> None:
    worker.say(task_results=(TaskResult(task=task.id, value=put_file(house, letter)),))


def test_the_winner_is_exported_after_the_end(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = house.create(trials=2, keep={"weights": 1})
    (first,) = worker.take()
    worker.finish(first.attempt)
    bring(worker, first.attempt, letter="1")
    assert house.sweep(sweep_id).export is None
    (second,) = worker.take()
    worker.finish(second.attempt)
    assert (house.sweep(sweep_id).state, house.sweep(sweep_id).export) == (SweepState.COMPLETED, None)
    (task,) = bring(worker, second.attempt, letter="2").tasks  # nobody would wake this worker for its own news
    assert house.sweep(sweep_id).export == ModelExport(state="WAITING", trial=1)
    assert isinstance(task.body, Export)
    assert task.body.weights == checkpoint("2")
    export(house, worker, task, letter="e")
    assert house.sweep(sweep_id).export == ModelExport(state="READY", trial=1, file=checkpoint("e"))
    assert has_file(house, "e")
    told = [(event.kind, event.number, event.state) for event in house.events(sweep_id) if event.kind == "sweep.export"]
    assert told == [("sweep.export", 1, "WAITING"), ("sweep.export", 1, "READY")]
    assert worker.say().tasks == ()


def test_weights_that_came_before_the_end_are_enough(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    worker.value_of = lambda trial, _epoch: 1.0 - trial
    sweep_id = house.create(trials=2, keep={"weights": 1})
    (first,) = worker.take()
    worker.finish(first.attempt)
    bring(worker, first.attempt, letter="1")
    worker.work()
    assert house.sweep(sweep_id).export == ModelExport(state="WAITING", trial=0)


@pytest.mark.parametrize("verb", ["stop", "cancel"])
def test_a_stopped_sweep_has_a_winner_a_cancelled_one_none(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, verb: str
) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = house.create(trials=5, keep={"weights": 1})
    (first,) = worker.take()
    worker.finish(first.attempt)
    bring(worker, first.attempt, letter="1")
    house.coordinator.change(sweep_id, verb=verb)
    assert (house.sweep(sweep_id).export is not None) == (verb == "stop")


def test_a_repeated_request_gets_the_same_task(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep_id = coordinator_house.create(trials=1, keep={"weights": 1})
    (only,) = coordinator_worker.take()
    coordinator_worker.finish(only.attempt)
    note = WeightsNote(attempt=only.attempt, weights=checkpoint("a"))
    missed = coordinator_worker.say_and_miss_the_answer(weights=(note,))
    assert len(missed.tasks) == 1
    assert coordinator_house.sweep(sweep_id).export is not None
    assert coordinator_worker.repeat().tasks == missed.tasks


def test_another_coordinator_goes_on_with_it_and_takes_no_result_for_another(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = end_sweep(house, worker)
    old = task_of(worker)
    worker.coordinator = house.restart()
    new = task_of(worker)
    assert (new.body, new.id > old.id) == (old.body, True)
    export(house, worker, old, letter="d")
    assert house.sweep(sweep_id).export == ModelExport(state="WAITING", trial=0)
    assert not has_file(house, "d")
    export(house, worker, new, letter="e")
    export_now = house.sweep(sweep_id).export
    assert export_now is not None
    assert export_now.state == "READY"


def test_a_lost_workers_export_is_done_by_another(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    end_sweep(house, worker)
    task = task_of(worker)
    other = ScriptedWorker(house.coordinator, "w2")
    assert other.say().tasks == ()
    worker.say(leaving=True)
    rings = house.coordinator.work.count
    house.coordinator.tick()
    assert house.coordinator.work.count > rings
    assert task_of(other) == task


def test_the_third_failure_is_the_last(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = end_sweep(house, worker)
    task = task_of(worker)
    for _ in range(MAX_TRIES):
        last = worker.say(task_results=(TaskResult(task=task.id, error="cannot be followed"),))
    assert last.tasks == ()
    failed = house.sweep(sweep_id).export
    assert failed is not None
    assert (failed.state, failed.reason) == ("FAILED", "cannot be followed (try 3 of 3)")


def test_an_extended_sweep_with_another_best_is_exported_anew(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = end_sweep(house, worker)
    export(house, worker, task_of(worker), letter="e")
    house.coordinator.extend(sweep_id, by=Extension(trials=1))
    still = house.sweep(sweep_id).export
    assert still is not None
    assert (still.state, still.trial) == ("READY", 0)
    work(worker, letter="b")
    assert house.sweep(sweep_id).export == ModelExport(state="WAITING", trial=1)
    assert not has_file(house, "e")
    export(house, worker, task_of(worker), letter="f")
    assert has_file(house, "f")


def test_an_export_that_an_extension_overtook_is_stored_on_the_running_sweep(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    worker.value_of = lambda trial, _epoch: 1.0 - trial
    sweep_id = end_sweep(house, worker)
    task = task_of(worker)
    house.coordinator.extend(sweep_id, by=Extension(trials=1))
    export(house, worker, task, letter="e")
    worker.work()
    sweep = house.sweep(sweep_id)
    assert (sweep.state, sweep.best_number) == (SweepState.COMPLETED, 0)
    assert sweep.export == ModelExport(state="READY", trial=0, file=checkpoint("e"))


@pytest.mark.parametrize("verb", ["stop", "cancel"])
def test_an_export_that_waits_outlives_the_end_of_the_extended_sweep(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, verb: str
) -> None:
    house, worker = coordinator_house, coordinator_worker
    sweep_id = end_sweep(house, worker)
    worker.tasks.clear()
    worker.say(leaving=True)
    house.coordinator.extend(sweep_id, by=Extension(trials=1))
    house.coordinator.change(sweep_id, verb=verb)
    house.coordinator.tick()
    assert house.sweep(sweep_id).export == ModelExport(state="WAITING", trial=0)
    other = ScriptedWorker(house.coordinator, "w2")
    export(house, other, task_of(other), letter="e")
    assert house.sweep(sweep_id).export == ModelExport(state="READY", trial=0, file=checkpoint("e"))


def test_a_deleted_sweep_takes_its_export_with_it(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    house, worker = coordinator_house, coordinator_worker
    gone, kept = end_sweep(house, worker, letter="1"), ""
    first = task_of(worker)
    export(house, worker, first, letter="e")
    house.coordinator.delete(gone, mlflow_runs=False)
    assert not has_file(house, "e")

    kept = end_sweep(house, worker, letter="2")
    late = task_of(worker)
    house.coordinator.delete(kept, mlflow_runs=False)
    export(house, worker, late, letter="f")
    assert not has_file(house, "f")
