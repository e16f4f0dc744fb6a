"""What Optuna is told of a trial that ended."""

from dataclasses import dataclass

from optuna.trial import TrialState as OptunaState

from sweeps.states import TrialState
from sweeps.studies.lessons import Asked, Lesson
from trainer.config import Goal


@dataclass(frozen=True)
class Heard:
    """Its state, the value of a COMPLETE one, the last report of a PRUNED one."""

    asked: Asked
    state: OptunaState
    value: float | None = None
    report: tuple[int, float] | None = None


def heard_by(lesson: Lesson, *, kind: str, worst: float | None) -> Heard:
    """What a sampler is told of a trial; `worst` is the worst finite value that it could have heard of so far.

    TPE learns from PRUNED and ignores FAIL; CMA-ES learns from COMPLETE alone, so that a divergence is told as that.
    """
    asked, state = lesson.asked, lesson.state
    if state in (TrialState.CANCELLED, TrialState.FAILED):
        return Heard(asked, OptunaState.FAIL)
    if state is TrialState.COMPLETED and lesson.best is not None:
        return Heard(asked, OptunaState.COMPLETE, value=lesson.best)
    if kind == "cmaes" and state is not TrialState.PRUNED:
        return Heard(asked, OptunaState.FAIL if worst is None else OptunaState.COMPLETE, value=worst)
    return Heard(asked, OptunaState.PRUNED, report=lesson.last)


def rank(heard: Heard, *, goal: Goal) -> tuple[int, int, float]:
    """TPE's own order: completed trials by value, then pruned ones by how far they came, then by value."""
    sign = 1 if goal == "minimize" else -1
    if heard.value is not None:
        return (0, 0, sign * heard.value)
    if heard.report is not None:
        return (1, -heard.report[0], sign * heard.report[1])
    return (2 if heard.state is OptunaState.PRUNED else 3, 0, 0)
