"""The messages between a worker parent and its trainer child: one JSON object a line, over two pipes of their own."""

from trainer.config import Assignment, Frozen
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, WeightsNote


class Setup(Frozen):
    """What a child must know before it trains; the first message that it reads."""

    slots: int
    device: str
    checkpoint_folder: str
    nice: int = 0


class ToldChild(Frozen):
    """Parent to child. `drain`: write checkpoints of what is in training and return."""

    setup: Setup | None = None
    assignments: tuple[Assignment, ...] = ()
    answers: tuple[Answer, ...] = ()
    drain: bool = False

    def line(self) -> bytes:
        """The message as it travels."""
        return self.model_dump_json().encode() + b"\n"


class ChildSaid(Frozen):
    """Child to parent; one without content is a beat.

    `taken`: these attempts entered a slot: from now on they are suspects when the child dies. `started`: these made
    their first step. `heeded`: nothing more comes of the wish to keep the weights of these.
    """

    ready: bool = False
    taken: tuple[int, ...] = ()
    started: tuple[int, ...] = ()
    reports: tuple[EpochReport, ...] = ()
    endings: tuple[Ending, ...] = ()
    checkpoints: tuple[CheckpointNote, ...] = ()
    weights: tuple[WeightsNote, ...] = ()
    heeded: tuple[int, ...] = ()

    def line(self) -> bytes:
        """The message as it travels."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n"
