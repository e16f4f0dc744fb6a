"""Sweeps with groups that are probed, and workers that answer probes."""

from typing import Any

from service.engine_records import GroupEngine
from service.stores import engines
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.config import Assignment
from trainer.task import Probed, Task, TaskResult

FUSED = Probed(engine="fused", width=24, serial_us=230.0, fused_us=23.0, gain=10.0)
SERIAL = Probed(engine="serial", serial_us=20.0, fused_us=19.0, gain=1.05, reason="not 1.2 times as fast")
SMALL, LARGE = {"batch_size": 16}, {"batch_size": 128}


def create(house: CoordinatorHouse, *first: dict[str, Any], **spec: Any) -> str:
    space = {"batch_size": {"choices": [16, 128]}, "learning_rate": {"low": 0.01, "high": 0.1}}
    return house.create(trials=40, epochs=3, first=list(first), space=spec.pop("space", space), **spec)


def wide(house: CoordinatorHouse, name: str = "w1", *, slots: int = 32) -> ScriptedWorker:
    return ScriptedWorker(house.coordinator, name, slots=slots)


def known(house: CoordinatorHouse, sweep: str) -> list[GroupEngine]:
    with house.database.read() as connection:
        return engines.of_sweep(connection, sweep)


def told(worker: ScriptedWorker, result: Probed, *, task: Task, want: int = 0) -> list[Assignment]:
    return list(worker.say(want=want, task_results=(TaskResult(task=task.id, value=result),)).assignments)


def fail(worker: ScriptedWorker, task: Task, *, error: str = "ValueError: boom") -> tuple[Task, ...]:
    return worker.say(task_results=(TaskResult(task=task.id, error=error),)).tasks


def until_probed(worker: ScriptedWorker, *, want: int = 2) -> Task:
    """Trains one trial after the other until the worker is handed a probe."""
    for _ in range(10):
        attempts = [one.attempt for one in worker.take(want)] or list(worker.hand)
        tasks = worker.say(reports=worker.reports(attempts[0], last=1), want=want).tasks
        if tasks:
            return tasks[0]
        worker.finish(attempts[0])
    raise AssertionError("no probe was asked for")
