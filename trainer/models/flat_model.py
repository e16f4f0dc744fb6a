"""A model whose parameters are views of one vector, so that an update is a few operations whatever the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import torch
from safetensors.torch import save
from torch import Tensor, nn

from trainer.errors import CheckpointError


@dataclass(frozen=True)
class Weights:
    """What a training changes in a model: `theta` (1, weights) of the trained parameters, and `statistics` by name."""

    theta: Tensor
    statistics: Mapping[str, Tensor]


class FlatModel:
    """A module on a device with its trained weights in `theta` and their gradient in `gradient`, both (1, weights).

    Trained is what asks for a gradient (`requires_grad`), tied parameters once. The others are frozen: nothing here
    changes them.
    """

    def __init__(self, module: nn.Module, *, device: torch.device) -> None:
        self.module = module.to(device)
        self._trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        self._frozen = {name: parameter for name, parameter in module.named_parameters() if name not in self._trained}
        self._has_statistics = bool(statistics(module))
        self.theta = torch.cat([parameter.detach().reshape(1, -1) for parameter in self._trained.values()], dim=1)
        self.gradient = torch.zeros_like(self.theta)
        weights, gradients = self._views(self.theta), self._views(self.gradient)
        for name, parameter in self._trained.items():
            parameter.data = weights[name]
            parameter.grad = gradients[name]

    def weights(self) -> Weights:
        """A copy of what the training has changed so far."""
        kept = statistics(self.module) if self._has_statistics else {}
        return Weights(self.theta.clone(), {name: tensor.detach().clone() for name, tensor in kept.items()})

    def fill(self, weights: Weights) -> None:
        """Put these weights in place; CheckpointError where they are of another model."""
        copy_into({"theta": self.theta}, given={"theta": weights.theta})
        copy_into(statistics(self.module), given=weights.statistics)

    def named(self, weights: Weights) -> dict[str, Tensor]:
        """The parameters, frozen ones too, and the statistics by their names in the module; some are views."""
        return {**self._views(weights.theta), **self._frozen, **weights.statistics}

    @cached_property
    def frozen_sha256(self) -> str | None:
        """Of the names and values of the frozen parameters; None where there are none."""
        if not self._frozen:
            return None
        tensors = {name: parameter.detach().cpu().contiguous() for name, parameter in self._frozen.items()}
        return sha256(save(tensors)).hexdigest()

    def _views(self, flat: Tensor) -> dict[str, Tensor]:
        pieces = torch.split(flat[0], [parameter.numel() for parameter in self._trained.values()])
        return {
            name: piece.view_as(parameter)
            for (name, parameter), piece in zip(self._trained.items(), pieces, strict=True)
        }


def statistics(module: nn.Module) -> dict[str, Tensor]:
    """The module's buffers (running means, counters) by name: the tensors themselves.

    Those that its state_dict leaves out (`persistent=False`) are by torch's contract no state, and not among them.
    """
    kept = module.state_dict()
    return {name: buffer for name, buffer in module.named_buffers() if name in kept}


@torch.no_grad()
def copy_into(tensors: Mapping[str, Tensor], *, given: Mapping[str, Tensor]) -> None:
    """Copy what is given under the same names; CheckpointError where names or shapes differ."""
    shapes, found = ({name: tuple(tensor.shape) for name, tensor in some.items()} for some in (tensors, given))
    for name in shapes.keys() | found.keys():
        if shapes.get(name) != found.get(name):
            raise CheckpointError(
                f"The weights do not fit the model: {name} is {shapes.get(name)} in it and {found.get(name)} in them"
            )
    for name, tensor in tensors.items():
        tensor.copy_(given[name])
