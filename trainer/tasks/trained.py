"""A trained model, built again from its problem and the file of its weights."""

from dataclasses import dataclass

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from trainer.checkpoint import CheckpointStore, Stored
from trainer.config import CheckpointRef
from trainer.errors import CheckpointError
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
    _fill(model, stored=stored)
    return Trained(model=model.to(device).eval(), about=about)


@torch.no_grad()
def outputs_of(model: nn.Module, *, x: Tensor) -> Tensor:
    """The model's outputs for these inputs, on the CPU; computed in pieces of CHUNK_ROWS, so that many rows fit."""
    return torch.cat([model(piece).cpu() for piece in torch.split(x, CHUNK_ROWS)])


@torch.no_grad()
def _fill(model: nn.Module, *, stored: Stored) -> None:
    """Buffers that the file does not hold stay as the model made them."""
    for name, parameter in model.named_parameters():
        if name not in stored.tensors or stored.tensors[name].shape != parameter.shape:
            raise CheckpointError(f"The weights do not fit the model: {name} {tuple(parameter.shape)} is not in them")
        parameter.copy_(stored.tensors[name])
    for name, buffer in model.named_buffers():
        if name in stored.tensors:
            buffer.copy_(stored.tensors[name])
