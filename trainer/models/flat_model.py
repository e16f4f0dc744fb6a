"""A model whose parameters are views of one vector."""

import torch
from torch import nn

from trainer.models.layout import Layout, Weights, copy_into, statistics


class FlatModel:
    """A module on a device with its trained weights in `theta` and their gradient in `gradient`, both (1, weights)."""

    def __init__(self, module: nn.Module, *, device: torch.device) -> None:
        self.module = module.to(device)
        self.layout = Layout(self.module)
        self._has_statistics = bool(statistics(self.module))
        self.theta = self.layout.theta_of(self.module)
        self.gradient = torch.zeros_like(self.theta)
        weights, gradients = self.layout.views(self.theta), self.layout.views(self.gradient)
        parameters = dict(self.module.named_parameters())
        for name in self.layout.shapes:
            parameters[name].data = weights[name]
            parameters[name].grad = gradients[name]

    def weights(self) -> Weights:
        """A copy of what the training has changed so far."""
        kept = statistics(self.module) if self._has_statistics else {}
        return Weights(self.theta.clone(), {name: tensor.detach().clone() for name, tensor in kept.items()})

    def fill(self, weights: Weights) -> None:
        """Put these weights in place; CheckpointError where they are of another model."""
        copy_into({"theta": self.theta}, given={"theta": weights.theta})
        copy_into(statistics(self.module), given=weights.statistics)
