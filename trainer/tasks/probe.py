"""The probe: a group's trials trained for a moment by both engines, side by side."""

from collections.abc import Callable, Mapping

import torch

from trainer.config import Assignment
from trainer.data.placing import why_elsewhere
from trainer.endings import is_out_of_memory
from trainer.free_memory import free_bytes
from trainer.fused.memory import StackMemory
from trainer.fused.stackable import why_not_stackable
from trainer.problem import Problem
from trainer.randomness import seeded
from trainer.task import Probe, Probed
from trainer.tasks.race import Race

LEAST_GAIN = 1.2
LEARNING_RATE = 1e-6
"""Nothing diverges at it, and an update takes as long as at any other."""
EPOCHS = 1_000_000


def probed(probe: Probe, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> Probed:
    """The engine of the group, and what each of them took. `beat` is called where it takes long.

    `fused` where the model can be stacked (the built-in ones all can; trainer/fused/stackable.py) and LEAST_GAIN times
    as fast in a stack, which is then of the best width: the medians of a few short rounds (trainer/tasks/race.py). What
    the problem's own code raises in a serial training goes through; only for memory that runs out another try would do
    no better.
    """
    if probe.most_rows < 2:
        return _serial("its slots are enough for one row on a worker, and one gains nothing: raise RAVINE_SLOTS")
    if (too_large := why_elsewhere(problem.train, problem.validation, device=device)) is not None:
        return _serial(f"{probe.problem.name} {too_large}")
    try:
        return _compared(probe, problem=problem, device=device, beat=beat)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        return _serial(f"memory ran out in the probe ({why}): give the worker more of it")


def _compared(probe: Probe, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> Probed:
    assignment = _assignment(probe)
    memory = StackMemory(assignment, problem=problem, device=device)
    free = free_bytes(device, memory_mb=probe.memory_mb)
    most_rows = memory.widest(free, at_most=probe.most_rows)
    if most_rows < 2:
        return _serial(memory.why_no_two(free))
    if problem.facts.kind == "plugin":
        why = why_not_stackable(assignment, problem=problem, device=device, beat=beat)
        if why is not None:
            return _serial(f"{probe.problem.name} {why}")
    with seeded(probe.seed):
        race = Race(assignment, problem=problem, device=device, beat=beat)
        race.run(_widths(most_rows))
    stacks_us = {side.width: side.update_us for side in race.stacks}
    return judged(race.serial.update_us, stacks_us=stacks_us, too_wide=race.too_wide)


def _serial(reason: str) -> Probed:
    return Probed(engine="serial", reason=reason)


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
        precision=probe.precision,
    )


def _widths(most_rows: int) -> list[int]:
    """Up to the most rows, each about four times the one before, from 2."""
    widths = [most_rows]
    while widths[0] > 4:
        widths.insert(0, widths[0] // 4)
    return widths


def judged(serial_us: float, *, stacks_us: Mapping[int, float], too_wide: int | None = None) -> Probed:
    """What follows from the time of one update of one row (microseconds), alone and in stacks by their width.

    `too_wide`: in a stack of so many rows memory ran out.
    """
    no_wider = None if too_wide is None else f"memory ran out with {too_wide} trials side by side"
    if not stacks_us:
        why = no_wider or "one update takes too long for several side by side"
        return Probed(engine="serial", serial_us=serial_us, reason=why)
    width = min(stacks_us, key=lambda width: stacks_us[width])
    gain = serial_us / stacks_us[width]
    fused = gain >= LEAST_GAIN
    too_slow = None if fused else f"{gain:.2f} times as fast in a stack; {LEAST_GAIN} would be worth it"
    return Probed(
        engine="fused" if fused else "serial",
        width=width if fused else 1,
        serial_us=serial_us,
        fused_us=stacks_us[width],
        gain=gain,
        reason="; ".join(why for why in (too_slow, no_wider) if why is not None) or None,
    )
