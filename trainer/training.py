"""One trial in training: all of it but the tensors that an update changes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from trainer.catalog import check_metric
from trainer.config import Assignment
from trainer.course.reactions import after_epoch
from trainer.course.schedules import Course, Pace, is_steady, pace
from trainer.course.stopping import is_spent, patience_after
from trainer.models.layout import Layout, Weights
from trainer.own.logged import means
from trainer.problem import Problem
from trainer.randomness import epoch_order
from trainer.state import Counters, Snapshots

EXPLOSION = 1e6
"""A training has diverged when the loss of a batch is above EXPLOSION · (1 + |the loss of its first batch|)."""


@dataclass(frozen=True)
class Progress:
    """What updates led to: the metrics of the epoch that they ended, why the training diverged, what its code raised.

    With none of the three the training goes on in mid-epoch.
    """

    metrics: dict[str, float | None] | None = None
    divergence: str | None = None
    error: Exception | None = None


class Training:
    """A trial from the epoch and update at which `counters` stand; new ones stand at its start.

    `seconds` is its training time here, `completed` says that no epoch follows, `best` are the weights of its best
    epoch, `snapshots` where a PAUSE may send it back to. `layout` names the weights in a vector of them.
    """

    def __init__(
        self, assignment: Assignment, *, problem: Problem, layout: Layout, counters: Counters | None = None
    ) -> None:
        check_metric(assignment.metric, facts=problem.facts)
        self.assignment = assignment
        self.problem = problem
        self.layout = layout
        self.counters = counters or Counters()
        self.seconds = 0.0
        self.completed = False
        self.best: Weights | None = None
        self.snapshots = Snapshots(assignment.rungs)
        self.num_examples = len(problem.train.x)
        batch_size = assignment.settings.batch_size
        self.batch_size = self.num_examples if batch_size == "full" else min(batch_size, self.num_examples)
        self._course = Course(math.ceil(self.num_examples / self.batch_size), epochs=assignment.epochs)
        self._last_batch_size = self.num_examples - (self._course.steps_per_epoch - 1) * self.batch_size
        self._steady_pace = self._pace_of(0) if is_steady(assignment.settings) else None

    @property
    def num_epochs(self) -> int:
        """The whole epochs done."""
        return self.counters.epoch

    @property
    def num_updates(self) -> int:
        """The updates done."""
        return self.counters.epoch * self._course.steps_per_epoch + self.counters.step

    @property
    def steps_left(self) -> int:
        """The updates to the end of the epoch under way; 0: it waits for its evaluation."""
        return self._course.steps_per_epoch - self.counters.step

    @property
    def is_steady(self) -> bool:
        """Every update has the same pace."""
        return self._steady_pace is not None

    def pace(self, *, ahead: int = 0) -> Pace:
        """The pace of the update that follows `ahead` further ones of this epoch."""
        return self._steady_pace or self._pace_of(self.num_updates + ahead)

    def order(self) -> Tensor | None:
        """The order of the examples in the epoch under way, (num_examples,) on the CPU; None: the order of the data."""
        if not self.assignment.settings.shuffle:
            return None
        epoch = self.counters.epoch + 1
        return epoch_order(self.assignment.seed, epoch=epoch, num_examples=self.num_examples)

    def spend(self, seconds: float) -> None:
        """So much time went into this training."""
        self.seconds += seconds
        self.counters.epoch_seconds += seconds

    def note_updates(self, losses: Sequence[float]) -> str | None:
        """Updates on the next batches, of these mean losses, were made; returns why the training diverged, if it has.

        What was made after that is not noted.
        """
        counters, batch_size, last_step = self.counters, self.batch_size, self._course.steps_per_epoch - 1
        if not losses:
            return None
        if (first := counters.first_loss) is None:
            first = counters.first_loss = losses[0]
        highest = EXPLOSION * (1 + abs(first))
        for loss in losses:
            counters.loss_sum += loss * (batch_size if counters.step < last_step else self._last_batch_size)
            counters.step += 1
            if not math.isfinite(loss) or loss > highest:
                return _divergence(loss, first_loss=first)
        return None

    def end_epoch(
        self, scores: Mapping[str, float | None], *, grad_norm: float, weights: Callable[[], Weights]
    ) -> Progress:
        """The epoch is over: its metrics, and what follows from them for the next ones.

        `scores` are those of `evaluated`; `weights` copies the weights, for the best epoch.
        """
        counters = self.counters
        metrics = self._metrics(scores, train_loss=counters.loss_sum / self.num_examples, grad_norm=grad_norm)
        counters.epoch += 1
        counters.step, counters.loss_sum, counters.epoch_seconds, counters.logged = 0, 0.0, 0.0, {}
        # A score may be undefined (auc where one class is missing) in a training that is well.
        divergence = f"val_loss after epoch {counters.epoch} not finite" if scores["val_loss"] is None else None
        self._note_best(metrics[self.assignment.metric.name], weights=weights)
        if divergence is None:
            self._react(metrics)
        return Progress(metrics=metrics, divergence=divergence)

    def _pace_of(self, num_updates: int) -> Pace:
        return pace(
            num_updates, settings=self.assignment.settings, course=self._course, reactions=self.counters.reactions
        )

    def _metrics(
        self, scores: Mapping[str, float | None], *, train_loss: float, grad_norm: float
    ) -> dict[str, float | None]:
        val_loss, last = scores["val_loss"], self.pace(ahead=-1)
        return {
            "train_loss": train_loss,
            **scores,
            "generalization_gap": None if val_loss is None else val_loss - train_loss,
            "learning_rate": last.learning_rate,
            "momentum": last.momentum,
            # Of the last update only (before clipping and without weight decay): a norm of every gradient would cost
            # each step 4%.
            "grad_norm": finite(grad_norm),
            "epoch_seconds": self.counters.epoch_seconds,
            **means(self.counters.logged),
        }

    def _react(self, metrics: Mapping[str, float | None]) -> None:
        """What follows from a whole epoch for the next ones: schedules that listen, and whether there are any."""
        counters, settings, metric = self.counters, self.assignment.settings, self.assignment.metric
        train_loss, val_loss = metrics["train_loss"], metrics["val_loss"]
        assert train_loss is not None
        assert val_loss is not None
        counters.reactions = after_epoch(
            counters.reactions, settings=settings, train_loss=train_loss, val_loss=val_loss
        )
        counters.patience = patience_after(
            counters.patience,
            value=metrics[metric.name],
            goal=metric.goal,
            min_delta=settings.early_stopping_min_delta,
        )
        self.completed = counters.epoch == self.assignment.epochs or is_spent(counters.patience, settings=settings)

    def _note_best(self, value: float | None, *, weights: Callable[[], Weights]) -> None:
        counters, best = self.counters, self.counters.best_value
        if value is None:
            return
        maximize = self.assignment.metric.goal == "maximize"
        if best is None or (value > best if maximize else value < best):
            counters.best_epoch, counters.best_value = counters.epoch, value
            self.best = weights()


def evaluated(
    outputs: Tensor, *, problem: Problem, known: Mapping[str, float] = MappingProxyType({})
) -> dict[str, float | None]:
    """val_loss and the metrics of a model's outputs for the validation part; None where one is not finite.

    Those that are known already are not computed. All are None where val_loss is: of outputs that are no numbers argmax
    still names a class, and such an accuracy would be one of the data alone.
    """
    scores, y = {"val_loss": problem.loss} | dict(problem.metrics), problem.validation.y
    found = {name: finite(known[name] if name in known else score(outputs, y).item()) for name, score in scores.items()}
    return found if found["val_loss"] is not None else dict.fromkeys(found)


def finite(value: float) -> float | None:
    """The value, or None where it is no number or infinite."""
    return value if math.isfinite(value) else None


def _divergence(loss: float, *, first_loss: float) -> str:
    if not math.isfinite(loss):
        return f"the training loss became {loss}"
    return f"the training loss exploded from {first_loss:.4g} to {loss:.4g}"
