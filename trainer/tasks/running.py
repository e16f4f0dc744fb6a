"""One task of a worker, run between two updates of its trainings."""

import logging
from collections.abc import Callable

import torch

from trainer.checkpoint import CheckpointStore
from trainer.device import device_named
from trainer.errors import RowsError
from trainer.problem import build_problem
from trainer.task import Export, Predict, Probe, RangeTest, Task, TaskBody, TaskResult, TaskValue
from trainer.tasks.export import export
from trainer.tasks.predict import predict
from trainer.tasks.probe import probed
from trainer.tasks.range_test import range_curve

_log = logging.getLogger(__name__)


def run_task(task: Task, *, files: CheckpointStore, device: str, beat: Callable[[], None]) -> TaskResult:
    """What came of the task; what it raises is in the result. `beat` is called where it takes long.

    It leaves torch's own generators as they were: trainings beside it never notice.
    """
    place = device_named(device)
    try:
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            return TaskResult(task=task.id, value=_value(task.body, files=files, device=place, beat=beat))
    except RowsError as error:
        return TaskResult(task=task.id, error=str(error), fault=True)
    except Exception as error:  # the border around one task: a user's model may raise anything
        _log.exception("Task %d (%s) failed", task.id, task.body.kind)
        return TaskResult(task=task.id, error=f"{type(error).__name__}: {error}")


def _value(body: TaskBody, *, files: CheckpointStore, device: torch.device, beat: Callable[[], None]) -> TaskValue:
    problem = build_problem(body.problem, device=device, files=files)
    match body:
        case Predict():
            return predict(body, files=files, problem=problem, device=device)
        case Export():
            return export(body, files=files, problem=problem)
        case RangeTest():
            return range_curve(body, problem=problem, device=device, beat=beat)
        case Probe():
            return probed(body, problem=problem, device=device, beat=beat)
