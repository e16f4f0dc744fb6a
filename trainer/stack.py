"""The seam between the engine's loop and its two ways to train: rows side by side."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trainer.config import Assignment
from trainer.problem import Problem
from trainer.state import State
from trainer.training import Progress, Training


class Told(NamedTuple):
    """What came of a row's updates."""

    training: Training
    progress: Progress


class Stack(Protocol):
    """Rows of one group in training side by side; each ends as it would alone."""

    @property
    def trainings(self) -> Sequence[Training]:
        """The rows, in no order that means anything."""

    @property
    def num_free(self) -> int:
        """The rows that may still be added."""

    def add(self, assignment: Assignment, *, problem: Problem, state: State | None = None) -> Training:
        """A further row, from its initialisation or from `state` (CheckpointError where that is of another model).

        What the problem's own code raises goes through, and no row is added.
        """

    def remove(self, training: Training) -> None:
        """The row trains no more; the others do not notice."""

    def state(self, training: Training) -> State:
        """Where a row stands; it goes on without touching what this returns."""

    def advance(self) -> list[Told]:
        """A few updates of every row, one at least, up to the next end of an epoch; evaluates what ended one.

        The time goes to the rows in equal shares (that of an evaluation to those evaluated): the seconds of all rows
        are those of the engine, and a trial's are what it costs, not how long it lasted.
        What happened to no row in particular is raised, and all rows stand where their counters say.
        """
