"""How the weights of a model lie in one vector, so that an update is a few operations whatever the model."""

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


class Layout:
    """The trained parameters of a module one after the other in theta.

    Trained is what asks for a gradient (`requires_grad`), tied parameters once. The others are `frozen`: nobody changes
    them.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = dict(module.named_parameters())
        self.shapes = {name: parameter.shape for name, parameter in parameters.items() if parameter.requires_grad}
        self.frozen = {name: parameter for name, parameter in parameters.items() if name not in self.shapes}
        self.sizes = [shape.numel() for shape in self.shapes.values()]

    @property
    def num_weights(self) -> int:
        """The length of theta."""
        return sum(self.sizes)

    def theta_of(self, module: nn.Module) -> Tensor:
        """A copy of the module's trained parameters, (1, weights)."""
        parameters = dict(module.named_parameters())
        return torch.cat([parameters[name].detach().reshape(1, -1) for name in self.shapes], dim=1)

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """The parameters in theta (1, weights) by name, each in its own shape."""
        pieces = torch.split(theta[0], self.sizes)
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def named(self, weights: Weights) -> dict[str, Tensor]:
        """The parameters, frozen ones too, and the statistics by their names in the module; some are views."""
        return {**self.views(weights.theta), **self.frozen, **weights.statistics}

    def check(self, weights: Weights, *, statistics: Mapping[str, Tensor]) -> None:
        """CheckpointError where these weights are of another model, or one with other statistics than these."""
        check_shapes({"theta": weights.theta.new_empty((1, self.num_weights))}, given={"theta": weights.theta})
        check_shapes(statistics, given=weights.statistics)

    def check_frozen(self, sha256_hex: str | None) -> None:
        """CheckpointError where these are not the frozen parameters that the module has."""
        if sha256_hex != self.frozen_sha256:
            raise CheckpointError("The checkpoint was trained beside other frozen parameters than the model has here")

    @cached_property
    def frozen_sha256(self) -> str | None:
        """Of the names and values of the frozen parameters; None where there are none."""
        if not self.frozen:
            return None
        tensors = {name: parameter.detach().cpu().contiguous() for name, parameter in self.frozen.items()}
        return sha256(save(tensors)).hexdigest()


def statistics(module: nn.Module) -> dict[str, Tensor]:
    """The module's buffers (running means, counters) by name: the tensors themselves.

    Those that its state_dict leaves out (`persistent=False`) are by torch's contract no state, and not among them.
    """
    kept = module.state_dict()
    return {name: buffer for name, buffer in module.named_buffers() if name in kept}


@torch.no_grad()
def copy_into(tensors: Mapping[str, Tensor], *, given: Mapping[str, Tensor]) -> None:
    """Copy what is given under the same names; CheckpointError where names or shapes differ."""
    check_shapes(tensors, given=given)
    for name, tensor in tensors.items():
        tensor.copy_(given[name])


def check_shapes(tensors: Mapping[str, Tensor], *, given: Mapping[str, Tensor]) -> None:
    """CheckpointError where the names or shapes of what is given are not those of these tensors."""
    shapes, found = ({name: tuple(tensor.shape) for name, tensor in some.items()} for some in (tensors, given))
    for name in shapes.keys() | found.keys():
        if shapes.get(name) != found.get(name):
            raise CheckpointError(
                f"The weights do not fit the model: {name} is {shapes.get(name)} in it and {found.get(name)} in them"
            )
