"""A model whose parameters are views of one vector, so that an update is a few operations whatever the model."""

import torch
from torch import Tensor, nn


class FlatModel:
    """A module on a device with its weights in `theta` and their gradient in `gradient`, both (1, weights)."""

    def __init__(self, module: nn.Module, *, device: torch.device) -> None:
        self.module = module.to(device)
        parameters = list(module.parameters())
        self.theta = torch.cat([parameter.detach().reshape(1, -1) for parameter in parameters], dim=1)
        self.gradient = torch.zeros_like(self.theta)
        for parameter, weights, gradient in zip(
            parameters, self._views(self.theta), self._views(self.gradient), strict=True
        ):
            parameter.data = weights
            parameter.grad = gradient

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """The parameters by their names in the module, as views of `theta` (1, weights)."""
        names = [name for name, _ in self.module.named_parameters()]
        return dict(zip(names, self._views(theta), strict=True))

    def _views(self, flat: Tensor) -> list[Tensor]:
        parameters = list(self.module.parameters())
        pieces = torch.split(flat[0], [parameter.numel() for parameter in parameters])
        return [piece.view_as(parameter) for piece, parameter in zip(pieces, parameters, strict=True)]
