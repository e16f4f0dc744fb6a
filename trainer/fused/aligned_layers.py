"""Torch's own layers of one row, so that mapped over rows they are aligned (see trainer.fused.aligned)."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainer.fused.aligned import aligned_batch, aligned_outputs, elementwise
from trainer.models.build import FlatLinear

_INEXACT = (nn.GELU, nn.SiLU, nn.Sigmoid, nn.ELU, nn.Softplus, nn.CELU, nn.SELU, nn.Mish, nn.LogSigmoid)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def with_aligned_layers(module: nn.Module) -> nn.Module:
    """A copy with the same parameters and buffers, in which these layers are aligned; an author's own stay as they are.

    What an author's forward computes by functions (x @ w, F.gelu) stays as it is too.
    """
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    copied = deepcopy(module, shared)
    if (aligned := _aligned(copied)) is not None:
        return aligned
    put: dict[nn.Module, nn.Module] = {}
    for path, layer in list(copied.named_modules(remove_duplicate=False)):
        aligned = _aligned(layer)
        if aligned is not None:
            parent, _, name = path.rpartition(".")
            setattr(copied.get_submodule(parent), name, put.setdefault(layer, aligned))
    return copied


class _AlignedLinear(nn.Module):
    """nn.Linear, or FlatLinear where `flat`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.flat = isinstance(linear, FlatLinear)

    def forward(self, x: Tensor) -> Tensor:
        """See nn.Linear."""
        shape = x.shape[:1] if self.flat else x.shape[:-1]
        num_outputs, num_inputs = self.weight.shape
        rows = x.reshape(-1, num_inputs)
        missing = aligned_batch(len(rows), widths=(num_inputs, num_outputs)) - len(rows)
        filled = torch.cat([rows, rows[:1].expand(missing, -1)]) if missing else rows
        weight, bias = aligned_outputs(self.weight, bias=self.bias)
        return F.linear(filled, weight, bias)[: len(rows), :num_outputs].reshape(*shape, num_outputs)


class _AlignedBatchNorm(nn.Module):
    """BatchNorm whose sums are over the examples of one row.

    Mapped over rows, torch's own sums columns of all rows together, in an order that depends on a column's place.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__()
        assert norm.momentum is not None
        self.weight, self.bias, self.eps, self.momentum = norm.weight, norm.bias, norm.eps, norm.momentum
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)

    def forward(self, x: Tensor) -> Tensor:
        """See nn.BatchNorm1d."""
        x = x.to(self.running_mean.dtype)  # sums of bfloat16 would be rounded to its 8 bits
        columns = (-1, *(1 for _ in x.shape[2:]))
        mean, variance = self._moments(x) if self.training else (self.running_mean, self.running_var)
        scale = (variance + self.eps).rsqrt() * self.weight
        return (x - mean.view(columns)) * scale.view(columns) + self.bias.view(columns)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        dimensions = [0, *range(2, x.dim())]
        mean, variance = x.mean(dimensions), x.var(dimensions, correction=0)
        num_values = x.numel() // x.shape[1]
        if num_values == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {tuple(x.shape)}")
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            for running, now in (
                (self.running_mean, mean),
                (self.running_var, variance * num_values / (num_values - 1)),
            ):
                running.mul_(1 - self.momentum).add_(now * self.momentum)
        return mean, variance


class _Whole(nn.Module):
    """A layer that takes every number by itself."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """See the layer."""
        return elementwise(self.layer, x=x[None])[0]


def _aligned(layer: nn.Module) -> nn.Module | None:
    if layer._forward_hooks or layer._forward_pre_hooks:
        return None
    if type(layer) in (nn.Linear, FlatLinear):
        assert isinstance(layer, nn.Linear)
        return _AlignedLinear(layer)
    if type(layer) in _NORMS:
        assert isinstance(layer, _BatchNorm)
        usual = layer.affine and layer.track_running_stats and layer.momentum is not None
        return _AlignedBatchNorm(layer) if usual else None
    return _Whole(layer) if type(layer) in _INEXACT else None
