"""What reaches a worker's loop from its threads, besides the answers of the service themselves."""

from dataclasses import dataclass

from service.worker.child_messages import ChildSaid
from service.worker.child_process import ChildProcess


@dataclass(frozen=True)
class ChildHeard:
    """What the child said."""

    said: tuple[ChildSaid, ...]


@dataclass(frozen=True)
class ChildEnded:
    """A child is no more."""

    child: ChildProcess


@dataclass(frozen=True)
class WaitEnded:
    """A long poll came back: there may be work, its time was over, or the service went away."""


@dataclass(frozen=True)
class DrainAsked:
    """The worker shall write checkpoints and leave."""

    reason: str
