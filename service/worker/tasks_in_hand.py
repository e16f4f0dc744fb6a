"""The tasks that a worker has in hand besides its trainings."""

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.config import Limits
from trainer.task import Task, TaskResult

TASK_SECONDS = 300.0
"""So long a child may be silent over a task, whatever the limits of the trials in it are."""


@dataclass
class HeldTask:
    """given: the living child has it. lacks_file: something that it needs is still being fetched."""

    task: Task
    given: bool = False
    lacks_file: bool = False


class TasksInHand:
    """Tasks by id, in the order in which they came. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._held: dict[int, HeldTask] = {}
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def in_child(self) -> bool:
        """The child has one, or is about to look at it."""
        return any(held.given for held in self._held.values())

    def add(self, tasks: Iterable[Task]) -> None:
        """Takes tasks into hand."""
        for task in tasks:
            self._held[task.id] = HeldTask(task)

    def await_files(self, task: int, *, lacks: bool) -> None:
        """Files that the task needs must be fetched first, or were."""
        if held := self._held.get(task):
            held.lacks_file = lacks

    def to_give(self, *, now: float) -> tuple[Task, ...]:
        """What the child gets now. The limits of a sweep keep no task out: it may run in any child."""
        new = [held for held in self._held.values() if not (held.given or held.lacks_file)]
        if new and not self.in_child:
            self._since = now
        for held in new:
            held.given = True
        return tuple(held.task for held in new)

    def end(self, task: int, *, now: float) -> float:
        """The child is through with it; answers for how long it had nothing but tasks to do, once that is over."""
        was_in_child = self.in_child
        self._held.pop(task, None)
        return now - self._since if was_in_child and not self.in_child else 0.0

    def lose_child(self, *, how: str) -> list[TaskResult]:
        """The child is gone, and the tasks that it had with it: what is to be said of them."""
        lost = [number for number, held in self._held.items() if held.given]
        for number in lost:
            del self._held[number]
        return [TaskResult(task=number, error=f"the training process ended over it ({how})") for number in lost]

    def training_until(self, now: float) -> float:
        """The moment up to which the child can have trained: none of its time counts while it has a task."""
        return self._since if self.in_child else now

    def limits(self, limits: Limits | None) -> Limits | None:
        """What the child must keep to, where `limits` are those of its trials."""
        if not self.in_child:
            return limits
        limits = limits or Limits()
        return limits.model_copy(update={"hang_seconds": max(limits.hang_seconds, TASK_SECONDS)})
