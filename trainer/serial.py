"""The serial engine: a stack of one row, as a plain loop of PyTorch would train it."""

from collections.abc import Sequence

import torch

from trainer.config import Assignment
from trainer.problem import Problem
from trainer.row import Row
from trainer.stack import Told
from trainer.state import State
from trainer.training import Training


class SerialStack:
    """See trainer.stack.Stack."""

    def __init__(self, *, device: torch.device) -> None:
        self._device = device
        self._row: Row | None = None

    @property
    def trainings(self) -> Sequence[Training]:
        """See Stack."""
        return () if self._row is None else (self._row.training,)

    @property
    def num_free(self) -> int:
        """See Stack."""
        return 1 if self._row is None else 0

    def add(self, assignment: Assignment, *, problem: Problem, state: State | None = None) -> Training:
        """See Stack."""
        assert self._row is None
        self._row = Row(assignment, problem=problem, device=self._device, state=state)
        return self._row.training

    def remove(self, training: Training) -> None:
        """See Stack."""
        assert self._row is not None
        assert self._row.training is training
        self._row = None

    def state(self, training: Training) -> State:
        """See Stack."""
        assert self._row is not None
        assert self._row.training is training
        return self._row.state()

    def advance(self) -> list[Told]:
        """See Stack: one update."""
        assert self._row is not None
        return [Told(self._row.training, self._row.advance())]
