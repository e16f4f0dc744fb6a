"""Early stopping on the searched metric. Pure."""

from dataclasses import dataclass

from trainer.config import Goal
from trainer.settings import Settings


@dataclass(frozen=True)
class Patience:
    """How a training is spared: the value to beat (None before the first), and the epochs that did not beat it."""

    value: float | None = None
    num_bad_epochs: int = 0


def patience_after(before: Patience, *, value: float | None, goal: Goal, min_delta: float) -> Patience:
    """The patience after an epoch with this value; one that is None or better by no more than min_delta is bad."""
    best = before.value
    if value is not None and (best is None or (value - best if goal == "maximize" else best - value) > min_delta):
        return Patience(value=value)
    return Patience(value=best, num_bad_epochs=before.num_bad_epochs + 1)


def is_spent(patience: Patience, *, settings: Settings) -> bool:
    """Whether the training ends here; never with an early_stopping_patience of 0."""
    return 0 < settings.early_stopping_patience <= patience.num_bad_epochs
