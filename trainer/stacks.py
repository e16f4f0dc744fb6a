"""Opens the stacks of an engine: of one row for the serial one, of many for the fused one."""

from collections.abc import Callable

import torch

from trainer.config import Assignment
from trainer.fused.opening import FusedStacks
from trainer.problem import Problem
from trainer.serial import SerialStack
from trainer.stack import Stack


class Stacks:
    """Opens stacks on `device`. `beat` is called where it takes long."""

    def __init__(self, device: torch.device, *, ahead_seconds: float, beat: Callable[[], None]) -> None:
        self.device = device
        self._fused = FusedStacks(device=device, ahead_seconds=ahead_seconds, beat=beat)

    def open(self, assignment: Assignment, *, problem: Problem, width: int) -> Stack:
        """A stack for the group of the assignment, at most so wide; see FusedStacks for what it raises."""
        if assignment.engine == "fused":
            return self._fused.open(assignment, problem=problem, width=width)
        return SerialStack(device=self.device)
