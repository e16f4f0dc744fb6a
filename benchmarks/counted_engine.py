"""The engine with its stacks counted: see RowSteps."""

import time
from collections.abc import Sequence

import torch

from benchmarks.asha_source import AshaSource
from trainer.catalog import IMAGE_MODELS
from trainer.config import Assignment
from trainer.problem import Problem
from trainer.stack import Stack, Told
from trainer.stacks import Stacks
from trainer.state import State
from trainer.training import Training


class CountedStacks(Stacks):
    """Stacks that count for their source."""

    def __init__(self, device: torch.device, *, ahead_seconds: float, source: AshaSource) -> None:
        super().__init__(device, ahead_seconds=ahead_seconds, beat=lambda: None)
        self._source = source

    def open(self, assignment: Assignment, *, problem: Problem, width: int) -> Stack:
        """See Stacks."""
        stack = super().open(assignment, problem=problem, width=width)
        model = assignment.problem.model
        full = model is not None and model.kind in IMAGE_MODELS and assignment.engine == "fused"
        return CountedStack(stack, source=self._source, full_width=width if full else None)


class CountedStack:
    """See trainer.stack.Stack. `full_width`: so many rows are computed, however few are taken."""

    def __init__(self, stack: Stack, *, source: AshaSource, full_width: int | None) -> None:
        self._stack = stack
        self._source = source
        self._full_width = full_width

    @property
    def trainings(self) -> Sequence[Training]:
        """See Stack."""
        return self._stack.trainings

    @property
    def num_free(self) -> int:
        """See Stack."""
        return self._stack.num_free

    def add(self, assignment: Assignment, *, problem: Problem, state: State | None = None) -> Training:
        """See Stack."""
        self._source.row_steps.moved(1, now=time.perf_counter())
        return self._stack.add(assignment, problem=problem, state=state)

    def remove(self, training: Training) -> None:
        """See Stack."""
        self._stack.remove(training)
        self._source.row_steps.moved(-1, now=time.perf_counter())
        epoch = self._source.stopped_after(training.assignment.attempt)
        if epoch is not None:
            steps_per_epoch = -(-training.num_examples // training.batch_size)
            self._source.row_steps.thrown_away += training.num_updates - epoch * steps_per_epoch

    def state(self, training: Training) -> State:
        """See Stack."""
        return self._stack.state(training)

    def advance(self) -> list[Told]:
        """See Stack."""
        rows = self._stack.trainings
        before = [row.num_updates for row in rows]
        told = self._stack.advance()
        updates = [row.num_updates - had for row, had in zip(rows, before, strict=True)]
        self._source.row_steps.made(updates, num_computed=self._full_width or len(rows))
        return told
