"""Opens fused stacks: only of models that can be stacked, and no wider than memory allows."""

from collections.abc import Callable

import torch

from trainer.config import Assignment
from trainer.data.placing import why_elsewhere
from trainer.errors import ProblemError, StackingError
from trainer.free_memory import free_bytes
from trainer.fused.memory import StackMemory
from trainer.fused.stack import FusedStack
from trainer.fused.stackable import why_not_stackable
from trainer.group import own_group
from trainer.problem import Problem


class FusedStacks:
    """Opens the stacks of a device. `beat` is called where it takes long."""

    def __init__(self, *, device: torch.device, ahead_seconds: float, beat: Callable[[], None]) -> None:
        self._device = device
        self._ahead_seconds = ahead_seconds
        self._beat = beat
        self._refusals: dict[str, str | None] = {}  # by group

    def open(self, assignment: Assignment, *, problem: Problem, width: int) -> FusedStack:
        """A stack for the group of the assignment, at most so wide.

        `engine: fused` by hand asks no probe: StackingError where a user's own model cannot be stacked (the built-in
        ones all can), ProblemError where the data do not fit this device.
        """
        name = assignment.problem.name
        if (too_large := why_elsewhere(problem.train, problem.validation, device=self._device)) is not None:
            raise ProblemError(f"{name} {too_large}; or set engine: auto")
        why = self._why_not(assignment, problem=problem) if problem.facts.kind == "plugin" else None
        if why is not None:
            raise StackingError(f"{name} {why}; it cannot be stacked as it is: mend that, or set engine: auto")
        if width > 1:
            memory = StackMemory(assignment, problem=problem, device=self._device)
            width = memory.widest(free_bytes(self._device, memory_mb=assignment.limits.memory_mb), at_most=width)
        return FusedStack(device=self._device, width=width, ahead_seconds=self._ahead_seconds)

    def _why_not(self, assignment: Assignment, *, problem: Problem) -> str | None:
        group = own_group(assignment)
        if group not in self._refusals:
            self._refusals[group] = why_not_stackable(assignment, problem=problem, device=self._device, beat=self._beat)
        return self._refusals[group]
