"""A trained model, built again from its problem and the file of its weights."""

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef
from trainer.errors import CheckpointError
from trainer.models.layout import copy_into, statistics
from trainer.problem import Problem
from trainer.randomness import initial_model
from trainer.weights import AboutWeights

CHUNK_ROWS = 1024


@dataclass(frozen=True)
class Trained:
    """The model in eval mode, and the training that its weights come from."""

    model: nn.Module
    about: AboutWeights


def trained(weights: CheckpointRef, *, files: CheckpointStore, problem: Problem, device: torch.device) -> Trained:
    """The model with these weights; CheckpointError where the file is missing or does not fit the problem's model."""
    stored = files.load(weights)
    try:
        about = AboutWeights.model_validate_json(stored.text)
    except ValidationError as error:
        raise CheckpointError(f"The file {weights.sha256} holds no weights: {error}") from error
    model = initial_model(problem.model, seed=about.seed)
    copy_into(dict(model.named_parameters()) | statistics(model), given=stored.tensors)
    return Trained(model=model.to(device).eval(), about=about)


def preprocessing_of(problem: Problem, *, outputs: Tensor) -> dict[str, Any]:
    """The problem's, with a class for each of a model's outputs: a plugin's may be more than its data show."""
    target = problem.preprocessing["target"]
    if target["kind"] == "classes" and outputs.shape[1] > len(target["classes"]):
        target = {**target, "classes": list(range(outputs.shape[1]))}
    return {**problem.preprocessing, "target": target}


@torch.no_grad()
def outputs_of(model: nn.Module, *, x: Tensor) -> Tensor:
    """The model's outputs for these inputs, on the CPU; computed in pieces of CHUNK_ROWS, so that many rows fit."""
    return torch.cat([model(piece).cpu() for piece in torch.split(x, CHUNK_ROWS)])
