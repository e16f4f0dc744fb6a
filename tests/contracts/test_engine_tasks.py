"""The contract of engines, tasks in between: what a worker does beside its trainings changes nothing in them."""

from dataclasses import dataclass, field

from tests.contracts.engines import RunEngine, uninterrupted
from tests.trainer.assignments import WINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef
from trainer.report import Answer
from trainer.settings import Settings
from trainer.task import Export, Predict, RangeTest, Task, TaskBody, TaskResult
from trainer.tasks.running import run_task


@dataclass
class BusySource(ScriptedSource):
    """Does one of its tasks each time that it is asked for answers."""

    tasks: tuple[TaskBody, ...] = ()
    files: CheckpointStore | None = None
    results: list[TaskResult] = field(default_factory=list)

    def answers(self) -> list[Answer]:
        assert self.files is not None
        task = Task(id=len(self.results), body=self.tasks[len(self.results) % len(self.tasks)])
        self.results.append(run_task(task, files=self.files, device="cpu", beat=lambda: None))
        return super().answers()


def tasks(weights: CheckpointRef) -> tuple[TaskBody, ...]:
    return (
        Predict(problem=WINE, weights=weights, rows=[[1.0] * 13]),
        Export(problem=WINE, weights=weights),
        RangeTest(problem=WINE, settings=Settings(), seed=3, num_rates=3, num_updates=2),
        Predict(problem=WINE, weights=weights, rows=[["wrong"]]),
    )


def test_a_training_is_bit_equal_with_tasks_between_its_updates(
    run_engine: RunEngine, checkpoints: CheckpointStore
) -> None:
    alone = uninterrupted(run_engine, assignment(epochs=3))
    weights = alone.kept()[0].weights
    busy = BusySource([assignment(epochs=3)], judge=keep_weights, tasks=tasks(weights), files=checkpoints)
    run_engine(busy)
    assert numbers(busy.reports()) == numbers(alone.reports())
    assert busy.kept() == alone.kept()
    assert len(busy.results) > 12
    assert {result.error is None for result in busy.results if result.task % 4 < 3} == {True}
    assert all(result.fault for result in busy.results if result.task % 4 == 3)
