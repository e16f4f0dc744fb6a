"""A problem: data in three parts, a model, a loss and the metrics on held-out data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.catalog import check_problem, complete, dataset
from trainer.config import ProblemConfig
from trainer.datasets import Part, load
from trainer.facts import LearningTask, ProblemFacts
from trainer.models import build_model
from trainer.quadratic import Ravine, ravine_loss

Score: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of outputs and targets of n examples, one number (a tensor without dimensions)."""


@dataclass(frozen=True)
class Problem:
    """What is trained.

    `model` makes a new model whose first weights come from torch's own generator. `loss` is the mean over the rows of
    a batch. `metrics` are computed on the validation part after each epoch, each under its name in the report.
    Nothing but finalists reads `test`.
    """

    facts: ProblemFacts
    model: Callable[[], nn.Module]
    train: Part
    validation: Part
    test: Part
    loss: Score
    metrics: Mapping[str, Score]


def build_problem(config: ProblemConfig, *, device: torch.device) -> Problem:
    """The problem with its data on the device; ValueError where the config names what is not there.

    Kept for the trials that follow on the same problem: its tensors are shared, never write to them.
    """
    return _built(config.model_dump_json(), device)


@lru_cache(maxsize=8)
def _built(config_json: str, device: torch.device) -> Problem:
    config = ProblemConfig.model_validate_json(config_json)
    info = dataset(config.name)
    check_problem(config, facts=info)
    parts = load(config.name)
    return Problem(
        facts=info,
        model=_model_factory(config, info=info),
        train=_on(parts.train, device=device),
        validation=_on(parts.validation, device=device),
        test=_on(parts.test, device=device),
        loss=_LOSSES[info.task],
        metrics=_METRICS[info.task],
    )


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of rows whose largest output is the target's class."""
    return (outputs.argmax(dim=1) == targets).float().mean()


def r2(outputs: Tensor, targets: Tensor) -> Tensor:
    """The coefficient of determination: 1 - Σ(y - ŷ)² / Σ(y - mean y)²."""
    return 1 - (targets - outputs).square().sum() / (targets - targets.mean()).square().sum()


_LOSSES: dict[LearningTask, Score] = {
    "classification": F.cross_entropy,
    "regression": F.mse_loss,
    "quadratic": ravine_loss,
}

_METRICS: dict[LearningTask, Mapping[str, Score]] = {
    "classification": {"val_accuracy": accuracy},
    "regression": {"val_r2": r2},
    "quadratic": {},
}


def _model_factory(config: ProblemConfig, *, info: ProblemFacts) -> Callable[[], nn.Module]:
    if info.brings_model:
        return Ravine
    model = complete(config, facts=info).model
    assert model is not None
    num_outputs = info.num_classes or 1
    return lambda: build_model(model, num_inputs=info.num_features, num_outputs=num_outputs)


def _on(part: Part, *, device: torch.device) -> Part:
    return Part(part.x.to(device), part.y.to(device))
