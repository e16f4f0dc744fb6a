"""The weights of a trained model as a file: named parameters and statistics, and where they come from."""

from typing import Literal

from trainer.checkpoint import Stored
from trainer.config import MetricConfig, ProblemConfig
from trainer.frozen import Frozen
from trainer.settings import Settings
from trainer.training import Training


class AboutWeights(Frozen):
    """The text in a file of weights: the training they come from, the epoch and its value of the metric."""

    kind: Literal["weights"] = "weights"
    problem: ProblemConfig
    settings: Settings
    seed: int
    metric: MetricConfig
    epoch: int
    value: float


def best_weights(training: Training) -> tuple[Stored, int] | None:
    """The weights of the best epoch, with that epoch; None where no epoch had a finite value."""
    of, counters, best = training.assignment, training.counters, training.best
    epoch, value = counters.best_epoch, counters.best_value
    if best is None or epoch is None or value is None:
        return None
    about = AboutWeights(
        problem=of.problem, settings=of.settings, seed=of.seed, metric=of.metric, epoch=epoch, value=value
    )
    return Stored(tensors=training.layout.named(best), text=about.model_dump_json()), epoch
