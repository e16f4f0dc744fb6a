"""What the service asks of whoever starts and stops workers."""

from dataclasses import dataclass
from typing import Protocol

EXTERNAL = "external"
"""The executor of workers that came by themselves: nobody starts another in their place."""


@dataclass(frozen=True)
class Believed:
    """A worker that the tables believe alive when an executor begins."""

    worker: str
    pid: int


@dataclass(frozen=True)
class Gone:
    """A worker that is no more, and how it ended."""

    worker: str
    how: str


@dataclass(frozen=True)
class Outlook:
    """How many workers an executor would have at its largest, and what keeps it from starting any now."""

    num_workers: int = 0
    trouble: str | None = None


class Executor(Protocol):
    """Starts and stops workers. No method but `stop` blocks; all are called from one thread."""

    def outlook(self) -> Outlook:
        """What can be had of it."""

    def ensure(self, *, num_wanted: int) -> None:
        """Starts the workers that are missing, as far as it is time. At most `num_wanted` would have work now."""

    def gone(self) -> list[Gone]:
        """The workers that were seen to be gone since the last call."""

    def stop(self) -> None:
        """Ends all its workers, and returns when they are gone."""
