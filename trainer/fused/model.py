"""Copies of one model side by side, and which of the two ways to compute them fits it."""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.fused.mapped import MappedModel
from trainer.fused.masks import Masks
from trainer.fused.plain import PlainModel, is_plain
from trainer.models.layout import Layout
from trainer.precision import in_precision


class StackedModel(Protocol):
    """The copies of a model, each with its own parameters.

    `fixed_width`: the last bits of a row depend on how many rows are computed together.
    """

    fixed_width: bool

    def arranged(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Views of trained parameters (rows, ...), with the dimensions that `outputs` and `evaluated` want of them."""

    def outputs(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        """In training, outputs (rows, ..., n) for x (rows, n, ...), of parameters and statistics (rows, ...).

        Statistics are changed in place.
        """

    def evaluated(self, parameters: Mapping[str, Tensor], *, x: Tensor) -> Tensor:
        """In evaluation, outputs (rows, n, ...) for the same x (n, ...) in every row."""


class _InPrecision:
    """A StackedModel that computes in a precision of its own; of float32 the passes are the model's."""

    def __init__(self, model: StackedModel, *, precision: Precision, device: torch.device) -> None:
        self.fixed_width = model.fixed_width
        self.arranged = model.arranged
        self.outputs = in_precision(model.outputs, precision=precision, device=device)
        self.evaluated = in_precision(model.evaluated, precision=precision, device=device)


def stacked_model(module: nn.Module, *, layout: Layout, x: Tensor, precision: Precision) -> StackedModel:
    """The copies of a module that is given examples like `x` (n, ...). EngineError where `x` is on a device that
    cannot compute so.
    """
    return _InPrecision(_of_kind(module, layout=layout, x=x), precision=precision, device=x.device)


def _of_kind(module: nn.Module, *, layout: Layout, x: Tensor) -> StackedModel:
    if is_plain(module, layout=layout, example_shape=x.shape[1:]):
        assert isinstance(module, nn.Sequential)
        return PlainModel(module)
    return MappedModel(module)
