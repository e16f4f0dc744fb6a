"""Weights of a brief training, for what is done with them."""

from tests.trainer.assignments import assignment
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef, ProblemConfig
from trainer.engine import train
from trainer.task import Task, TaskBody, TaskResult
from trainer.tasks.running import run_task


def weights_of(problem: ProblemConfig, *, files: CheckpointStore) -> CheckpointRef:
    """The stored weights after one epoch."""
    source = ScriptedSource([assignment(problem=problem, epochs=1)], judge=keep_weights)
    train(source, slots=1, device="cpu", checkpoints=files)
    return source.kept()[0].weights


def done(body: TaskBody, *, files: CheckpointStore) -> TaskResult:
    """The task, run here."""
    return run_task(Task(id=1, body=body), files=files, device="cpu", beat=lambda: None)
