"""A problem: data in three parts, a model, a loss and the metrics on held-out data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.catalog import check_problem, complete, default_metric, reported_scores
from trainer.checkpoint import CheckpointStore
from trainer.config import MetricConfig, ProblemConfig
from trainer.data.datasets import Part
from trainer.data.loaded import Data, built_in_data, uploaded_data
from trainer.data.metrics import SCORE_BY_NAME, Score
from trainer.errors import ProblemError
from trainer.facts import LearningTask, ProblemFacts
from trainer.models.build import build_model
from trainer.models.quadratic import Ravine, ravine_loss
from trainer.own.model import checked_model
from trainer.own.problem import own_problem


@dataclass(frozen=True)
class Problem:
    """What is trained.

    `model` makes a new model whose first weights come from torch's own generator. `loss` is the mean over the rows of
    a batch. `metrics` are computed on the validation part after each epoch, each under its name in the report.
    Nothing but finalists reads `test`. `preprocessing` is what trainer.packed.preprocessing reads: how a row becomes
    inputs, and outputs an answer.
    """

    facts: ProblemFacts
    model: Callable[[], nn.Module]
    train: Part
    validation: Part
    test: Part
    loss: Score
    metrics: Mapping[str, Score]
    preprocessing: Mapping[str, Any]


def build_problem(
    config: ProblemConfig, *, device: torch.device, files: CheckpointStore, metric: MetricConfig | None = None
) -> Problem:
    """The problem with its data on the device, or beside it where they are too many for its memory.

    `files` holds what was uploaded, `metric` is searched on. Data are kept for the trials that follow on them, whatever
    their models: the tensors are shared, never write to them. ValueError where the config names what is not there,
    ProblemError where data or plugin cannot be had here; what a plugin's own code raises goes through.
    """
    if config.plugin is not None:
        return _of_plugin(config, device=device, metric=metric)
    data = _data(config, device=device, files=files)
    check_problem(config, facts=data.facts)
    scores = reported_scores(data.facts, problem=config, metric=metric or default_metric(data.facts))
    return Problem(
        facts=data.facts,
        model=_model_factory(config, facts=data.facts),
        train=data.parts.train,
        validation=data.parts.validation,
        test=data.parts.test,
        loss=_LOSSES[data.facts.task],
        metrics={name: SCORE_BY_NAME[name] for name in scores},
        preprocessing=data.parts.preprocessing,
    )


_LOSSES: dict[LearningTask, Score] = {
    "classification": F.cross_entropy,
    "regression": F.mse_loss,
    "quadratic": ravine_loss,
}


def _data(config: ProblemConfig, *, device: torch.device, files: CheckpointStore) -> Data:
    if config.digest is not None:
        return uploaded_data(config.digest, files=files, device=device)
    return built_in_data(config.name, device=device)


def _model_factory(config: ProblemConfig, *, facts: ProblemFacts) -> Callable[[], nn.Module]:
    if facts.brings_model:
        return Ravine
    model = complete(config, facts=facts).model
    assert model is not None
    return lambda: build_model(model, facts=facts)


def _of_plugin(config: ProblemConfig, *, device: torch.device, metric: MetricConfig | None) -> Problem:
    own = own_problem(config, device=device)
    facts, parts = own.facts, own.parts
    check_problem(config, facts=facts)
    loss = own.said.loss or _LOSSES.get(facts.task)
    if loss is None:
        raise ProblemError(f"{facts.name}: without a task there is no loss; give Problem(loss=...), or @problem a task")
    of_task = SCORE_BY_NAME
    if facts.task == "regression":
        loss = own.said.loss or _on_equal_shapes(loss, name=facts.name)
        of_task = {name: _on_equal_shapes(score, name=facts.name) for name, score in SCORE_BY_NAME.items()}
    computed = {**of_task, **{name: _as_tensor(score) for name, score in own.said.metrics.items()}}
    scores = reported_scores(facts, problem=config, metric=metric or default_metric(facts))
    return Problem(
        facts=facts,
        model=lambda: checked_model(own.said.model(), name=facts.name),
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        loss=loss,
        metrics={name: computed[name] for name in scores},
        preprocessing=parts.preprocessing,
    )


def _on_equal_shapes(score: Score, *, name: str) -> Score:
    """Outputs (n,) beside targets (n, 1) would be broadcast to (n, n), and something else be learnt."""

    def checked(outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.shape != targets.shape:
            raise ProblemError(
                f"{name}: the model's outputs have the shape {tuple(outputs.shape)} and the targets "
                f"{tuple(targets.shape)}; let it answer (n, 1) in a regression, or give @problem no task"
            )
        return score(outputs, targets)

    return checked


def _as_tensor(score: Callable[[Tensor, Tensor], Tensor | float]) -> Score:
    return lambda outputs, targets: torch.as_tensor(score(outputs, targets))
