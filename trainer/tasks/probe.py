"""The probe: a group's trials trained for a moment by both engines, side by side."""

from collections.abc import Callable

import torch

from trainer.problem import Problem
from trainer.task import Probe, Probed


def probed(probe: Probe, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> Probed:
    """The engine of the group, and what each of them took. `beat` is called where it takes long."""
    raise NotImplementedError
