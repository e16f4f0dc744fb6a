"""A model whose parameters are views of one vector."""

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors  # half the time of torch.cat

from trainer.models.layout import Layout, Weights, copy_into, statistics


class FlatModel:
    """A module on a device with its trained weights in `theta`, (1, weights).

    Its gradients stay where the backward pass makes them: to add each to a vector of zeros goes over all three times.
    """

    def __init__(self, module: nn.Module, *, device: torch.device) -> None:
        self.module = module.to(device)
        self.layout = Layout(self.module)
        self._has_statistics = bool(statistics(self.module))
        self.theta = self.layout.theta_of(self.module)
        parameters = dict(self.module.named_parameters())
        self._trained = [parameters[name] for name in self.layout.shapes]
        for parameter, weights in zip(self._trained, self.pieces(self.theta), strict=True):
            parameter.data = weights

    def pieces(self, vector: Tensor) -> list[Tensor]:
        """A vector like theta as the pieces that belong to the parameters, views of it."""
        return [*self.layout.views(vector).values()]

    @property
    def gradients(self) -> list[Tensor]:
        """What the last backward pass found, for each parameter; zeros where it came to none."""
        return [_dense_gradient(parameter) for parameter in self._trained]

    @property
    def gradient(self) -> Tensor:
        """The gradients one after the other, (1, weights)."""
        return _flatten_dense_tensors(self.gradients).unsqueeze(0)  # type: ignore[no-any-return,no-untyped-call]  # no types

    def forget_gradients(self) -> None:
        """The next backward pass begins anew."""
        for parameter in self._trained:
            parameter.grad = None

    def weights(self) -> Weights:
        """A copy of what the training has changed so far."""
        kept = statistics(self.module) if self._has_statistics else {}
        return Weights(self.theta.clone(), {name: tensor.detach().clone() for name, tensor in kept.items()})

    def fill(self, weights: Weights) -> None:
        """Put these weights in place; CheckpointError where they are of another model."""
        copy_into({"theta": self.theta}, given={"theta": weights.theta})
        copy_into(statistics(self.module), given=weights.statistics)


def _dense_gradient(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros_like(parameter)
    return gradient.to_dense() if gradient.is_sparse else gradient  # an embedding may name only the rows it used
