"""The probe: a group's trials trained for a moment by both engines, side by side."""

from collections.abc import Callable, Mapping

import torch

from trainer.config import Assignment
from trainer.free_memory import free_bytes
from trainer.fused.memory import StackMemory
from trainer.fused.stackable import why_not_stackable
from trainer.problem import Problem
from trainer.randomness import seeded
from trainer.task import Probe, Probed
from trainer.tasks.race import raced

LEAST_GAIN = 1.2
LEARNING_RATE = 1e-6
"""Nothing diverges at it, and an update takes as long as at any other."""
EPOCHS = 1_000_000


def probed(probe: Probe, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> Probed:
    """The engine of the group, and what each of them took. `beat` is called where it takes long.

    `fused` where the model can be stacked (the built-in ones all can; trainer/fused/stackable.py) and LEAST_GAIN times
    as fast in a stack, which is then of the best width: the medians of a few short rounds (trainer/tasks/race.py). What
    the problem's own code raises in a serial training goes through.
    """
    assignment = _assignment(probe)
    memory = StackMemory(assignment, problem=problem, device=device)
    most_rows = memory.widest(free_bytes(device), at_most=probe.most_rows)
    if most_rows < 2:
        bound = "its slots are" if probe.most_rows < 2 else "the memory is"
        return Probed(engine="serial", reason=f"{bound} enough for one row on a worker, and one gains nothing")
    if problem.facts.kind == "plugin":
        why = why_not_stackable(assignment, problem=problem, device=device, beat=beat)
        if why is not None:
            return Probed(engine="serial", reason=f"{assignment.problem.name} {why}")
    with seeded(probe.seed):
        sides = raced(assignment, problem=problem, device=device, widths=_widths(most_rows), beat=beat)
    return judged(sides[0].update_us, stacks_us={side.width: side.update_us for side in sides[1:]})


def _assignment(probe: Probe) -> Assignment:
    settings = probe.settings.model_copy(
        update={"learning_rate": min(probe.settings.learning_rate, LEARNING_RATE), "early_stopping_patience": 0}
    )
    return Assignment(
        attempt=0,
        sweep="probe",
        trial=0,
        problem=probe.problem,
        settings=settings,
        epochs=EPOCHS,
        seed=probe.seed,
        metric=probe.metric,
    )


def _widths(most_rows: int) -> list[int]:
    """Up to the most rows, each about four times the one before, from 2."""
    widths = [most_rows]
    while widths[0] > 4:
        widths.insert(0, widths[0] // 4)
    return widths


def judged(serial_us: float, *, stacks_us: Mapping[int, float]) -> Probed:
    """What follows from the time of one update of one row (microseconds), alone and in stacks by their width."""
    if not stacks_us:
        return Probed(engine="serial", serial_us=serial_us, reason="one update takes too long for several side by side")
    width = min(stacks_us, key=lambda width: stacks_us[width])
    gain = serial_us / stacks_us[width]
    fused = gain >= LEAST_GAIN
    return Probed(
        engine="fused" if fused else "serial",
        width=width if fused else 1,
        serial_us=serial_us,
        fused_us=stacks_us[width],
        gain=gain,
        reason=None if fused else f"{gain:.2f} times as fast in a stack; {LEAST_GAIN} would be worth it",
    )
