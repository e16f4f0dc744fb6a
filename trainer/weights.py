"""The weights of a trained model as a file: named parameters and statistics, and where they come from."""

from typing import Literal

from trainer.checkpoint import Stored
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.frozen import Frozen
from trainer.models.flat_model import FlatModel
from trainer.settings import Settings
from trainer.state import State


class AboutWeights(Frozen):
    """The text in a file of weights: the training they come from, the epoch and its value of the metric."""

    kind: Literal["weights"] = "weights"
    problem: ProblemConfig
    settings: Settings
    seed: int
    metric: MetricConfig
    epoch: int
    value: float


def best_weights(state: State, *, model: FlatModel, of: Assignment) -> tuple[Stored, int] | None:
    """The weights of the best epoch, with that epoch; None where no epoch had a finite value."""
    epoch, value = state.counters.best_epoch, state.counters.best_value
    if state.best is None or epoch is None or value is None:
        return None
    about = AboutWeights(
        problem=of.problem, settings=of.settings, seed=of.seed, metric=of.metric, epoch=epoch, value=value
    )
    return Stored(tensors=model.named(state.best), text=about.model_dump_json()), epoch
