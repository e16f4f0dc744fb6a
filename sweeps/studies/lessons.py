"""What is left of a trial once it ended, and the one interface of those who learn from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sweeps.states import TrialState
from trainer.config import Goal
from trainer.settings import Setting


@dataclass(frozen=True)
class Asked:
    """A trial that was proposed: its settings, the fixed ones too, and the sampler's attributes of it."""

    number: int
    settings: dict[str, Setting]
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """A trial that ended. `best` is its best finite value, `last` its last finite one with the epoch of it."""

    asked: Asked
    state: TrialState
    best: float | None
    last: tuple[int, float] | None


class Study(Protocol):
    """Proposes settings and learns how they did."""

    def ask(self, number: int, *, fixed: Mapping[str, Setting]) -> Asked | None:
        """Settings for trial `number` with `fixed` among them; None when there is nothing left to try."""

    def tell(self, lesson: Lesson) -> None:
        """A trial ended."""

    def attrs(self) -> dict[str, Any]:
        """What must be kept of the study as a whole, JSON-able."""

    @property
    def num_left(self) -> int | None:
        """How many settings are left to try; None where there is no end of them."""


def lesson_of(asked: Asked, *, state: TrialState, values: Mapping[int, float | None], goal: Goal) -> Lesson:
    """What a trial with these values by epoch taught."""
    finite = {epoch: value for epoch, value in values.items() if value is not None and math.isfinite(value)}
    if not finite:
        return Lesson(asked=asked, state=state, best=None, last=None)
    best = min(finite.values()) if goal == "minimize" else max(finite.values())
    return Lesson(asked=asked, state=state, best=best, last=(max(finite), finite[max(finite)]))
