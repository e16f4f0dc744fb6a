"""How the learning rate and the momentum run over the updates of a training. Pure.

η_t = η0 · warm-up(t) · schedule(t, e) / (1 + lr_decay·t), where t counts the updates before this one, e the whole
epochs before it, and T = `Course.num_updates` is all there will be.
"""

import math
from dataclasses import dataclass

from trainer.course.reactions import Reactions
from trainer.kinds import (
    Adam,
    AdamW,
    AnnealOnPlateau,
    Cosine,
    Exponential,
    HalveOnSlow,
    InverseTime,
    OneCycle,
    Polynomial,
    RampMomentum,
    RmsProp,
    Schedule,
    Step,
)
from trainer.settings import Settings


@dataclass(frozen=True)
class Course:
    """How long a training is meant to be; early stopping changes none of it."""

    steps_per_epoch: int
    epochs: int

    @property
    def num_updates(self) -> int:
        """T: the updates of all epochs."""
        return self.steps_per_epoch * self.epochs


@dataclass(frozen=True)
class Pace:
    """What the schedules say of one update."""

    learning_rate: float
    momentum: float


def pace(num_updates: int, *, settings: Settings, course: Course, reactions: Reactions) -> Pace:
    """The pace of the update that follows `num_updates` others; `reactions` are those after the last whole epoch."""
    factor = _factor(settings.schedule, t=num_updates, course=course, reactions=reactions)
    if settings.warmup_epochs:
        factor *= _warmup(num_updates, settings=settings, course=course)
    return Pace(
        learning_rate=settings.learning_rate * factor / (1 + settings.lr_decay * num_updates),
        momentum=_momentum(settings, epoch=num_updates // course.steps_per_epoch, reactions=reactions),
    )


def is_steady(settings: Settings) -> bool:
    """Whether every update of the training has the same pace."""
    parts = (settings.schedule.kind, settings.momentum_schedule.kind)
    return parts == ("constant", "constant") and not settings.lr_decay and not settings.warmup_epochs


def _factor(schedule: Schedule, *, t: int, course: Course, reactions: Reactions) -> float:
    epoch, end = t // course.steps_per_epoch, course.num_updates
    match schedule:
        case InverseTime(b=b):
            return b / (b + t)
        case HalveOnSlow() | AnnealOnPlateau():
            return reactions.factor
        case Step(epochs=epochs, gamma=gamma):
            return float(gamma ** (epoch // epochs))
        case Exponential(gamma=gamma):
            return float(gamma**epoch)
        case Polynomial(power=power):
            return float((1 - t / end) ** power)
        case Cosine(final=final):
            return _cosine(t / end, high=1, low=final)
        case OneCycle():
            return _one_cycle(schedule, t=t, end=end)
        case _:
            return 1.0


def _one_cycle(schedule: OneCycle, *, t: int, end: int) -> float:
    """PyTorch's OneCycleLR: the peak is at update pct_start·T - 1, the lowest rate at the last, T - 1."""
    first = 1 / schedule.div_factor
    peak = schedule.pct_start * end - 1
    if t <= peak:
        return _cosine(t / peak if peak else 1, high=first, low=1)
    return _cosine((t - peak) / (end - 1 - peak), high=1, low=first / schedule.final_div_factor)


def _cosine(share: float, *, high: float, low: float) -> float:
    """Half a cosine from `high` at 0 to `low` at 1 (which may be the higher one)."""
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2


def _warmup(t: int, *, settings: Settings, course: Course) -> float:
    share = min(1.0, t / (settings.warmup_epochs * course.steps_per_epoch))
    return settings.warmup_start + (1 - settings.warmup_start) * share


def _momentum(settings: Settings, *, epoch: int, reactions: Reactions) -> float:
    match settings.optimizer:
        case RmsProp(momentum=momentum):
            return momentum
        case Adam() | AdamW():
            return 0.0
    match settings.momentum_schedule:
        case RampMomentum(until="epoch", epochs=epochs, start=start) if epoch < epochs:
            return start
        case RampMomentum(until="stable", start=start) if not reactions.stable:
            return start
    return settings.momentum
