"""The seam between an engine and whoever hands out its work. Torch-free."""

from typing import Protocol

from trainer.config import Assignment
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, WeightsNote


class Source(Protocol):
    """Hands out assignments, takes reports, gives verdicts. No method but `take` with `wait` ever blocks."""

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:
        """At most `num_free` assignments. With `wait` it blocks until there is one, an answer, or the end."""

    def started(self, attempt: int) -> None:
        """The attempt made its first step."""

    def report(self, report: EpochReport) -> None:
        """An epoch ended. The row trains on; its verdict comes by `answers`."""

    def end(self, ending: Ending) -> None:
        """The attempt left its slot."""

    def checkpointed(self, note: CheckpointNote) -> None:
        """A checkpoint of a running attempt lies in the store."""

    def weights(self, note: WeightsNote) -> None:
        """The best weights of an ended attempt lie in the store."""

    def answers(self) -> list[Answer]:
        """The answers that arrived since the last call."""

    def beat(self, *, num_steps: int) -> None:
        """Steps were made; called every 100 steps or 5 s, whichever comes first."""

    def draining(self) -> bool:
        """True once the engine shall write checkpoints of what it has in hand and return (SIGTERM)."""

    def exhausted(self) -> bool:
        """True when nothing will ever be handed out again."""
