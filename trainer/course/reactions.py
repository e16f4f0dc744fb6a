"""What schedules remember that listen to the losses of whole epochs. Pure: one frozen value follows from another."""

import math
from dataclasses import dataclass, replace

from trainer.kinds import AnnealOnPlateau, HalveOnSlow, RampMomentum
from trainer.settings import Settings


@dataclass(frozen=True)
class Reactions:
    """Where the reacting schedules of one training stand after a whole epoch.

    `factor` is what they multiply the learning rate by. `train_loss` is the last epoch's, `best_val_loss` the lowest
    that anneal_on_plateau accepted as better, with `num_bad_epochs` after it. `stable` says that the ramp of the
    momentum is over.
    """

    factor: float = 1.0
    train_loss: float | None = None
    best_val_loss: float | None = None
    num_bad_epochs: int = 0
    stable: bool = False


def after_epoch(before: Reactions, *, settings: Settings, train_loss: float, val_loss: float) -> Reactions:
    """The reactions for the epoch that follows one with these losses, both finite."""
    after = before
    match settings.schedule:
        case HalveOnSlow(threshold=threshold) if _is_slow(before, train_loss=train_loss, threshold=threshold):
            after = replace(after, factor=before.factor / 2)
        case AnnealOnPlateau() as schedule:
            after = _annealed(after, schedule=schedule, val_loss=val_loss)
    match settings.momentum_schedule:
        case RampMomentum(until="stable", threshold=threshold):
            is_slow = _is_slow(before, train_loss=train_loss, threshold=threshold)
            after = replace(after, stable=before.stable or is_slow)
    return replace(after, train_loss=train_loss)


def _is_slow(before: Reactions, *, train_loss: float, threshold: float) -> bool:
    """Whether the loss fell by less than this share of the epoch before; never after the first epoch."""
    last = before.train_loss
    return last is not None and last - train_loss < threshold * abs(last)


def _annealed(before: Reactions, *, schedule: AnnealOnPlateau, val_loss: float) -> Reactions:
    """ReduceLROnPlateau(mode="min", threshold_mode="rel", cooldown=0, min_lr=0, eps=0) of PyTorch."""
    best = math.inf if before.best_val_loss is None else before.best_val_loss
    if val_loss < best * (1 - schedule.threshold):
        return replace(before, best_val_loss=val_loss, num_bad_epochs=0)
    if before.num_bad_epochs + 1 <= schedule.patience:
        return replace(before, num_bad_epochs=before.num_bad_epochs + 1)
    return replace(before, num_bad_epochs=0, factor=before.factor * schedule.factor)
