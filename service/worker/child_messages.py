"""The messages between a worker parent and its trainer child: one JSON object a line, over two pipes of their own."""

from trainer.config import Assignment
from trainer.facts import ProblemFacts
from trainer.frozen import Frozen
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, WeightsNote
from trainer.task import Task, TaskResult


class Setup(Frozen):
    """What a child must know before it trains; the first message that it reads.

    `problems` are files or modules with plugins, besides those of installed packages (entry points).
    """

    slots: int
    device: str
    checkpoint_folder: str
    nice: int = 0
    problems: tuple[str, ...] = ()


class ToldChild(Frozen):
    """Parent to child. `drain`: write checkpoints of what is in training and return."""

    setup: Setup | None = None
    assignments: tuple[Assignment, ...] = ()
    answers: tuple[Answer, ...] = ()
    tasks: tuple[Task, ...] = ()
    drain: bool = False

    def line(self) -> bytes:
        """The message as it travels."""
        return self.model_dump_json().encode() + b"\n"


class ChildSaid(Frozen):
    """Child to parent; one without content is a beat.

    `taken`: these attempts entered a slot: from now on they are suspects when the child dies. `started`: these made
    their first step. `heeded`: nothing more comes of the wish to keep the weights of these. `problems`: its plugins,
    said once.
    """

    ready: bool = False
    taken: tuple[int, ...] = ()
    started: tuple[int, ...] = ()
    reports: tuple[EpochReport, ...] = ()
    endings: tuple[Ending, ...] = ()
    checkpoints: tuple[CheckpointNote, ...] = ()
    weights: tuple[WeightsNote, ...] = ()
    heeded: tuple[int, ...] = ()
    task_results: tuple[TaskResult, ...] = ()
    problems: tuple[ProblemFacts, ...] | None = None

    def line(self) -> bytes:
        """The message as it travels."""
        # What says which kind of value a result has is a default too.
        return self.model_dump_json(exclude_defaults=not self.task_results).encode() + b"\n"
