"""What the service asks of whoever starts and stops workers."""

from dataclasses import dataclass
from typing import Protocol


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


class Executor(Protocol):
    """Starts and stops workers. No method but `stop` blocks; all are called from one thread."""

    def ensure(self) -> None:
        """Starts the workers that are missing, as far as it is time."""

    def gone(self) -> list[Gone]:
        """The workers that were seen to be gone since the last call."""

    def stop(self) -> None:
        """Ends all its workers, and returns when they are gone."""
