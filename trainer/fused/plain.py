"""Models that are a row of plain layers: all their copies side by side are as many batched products."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainer.fused.masks import Masks
from trainer.models.build import FlatLinear
from trainer.models.dropout import SeededDropout
from trainer.models.layout import Layout

_ELEMENTWISE = (
    nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.ReLU6, nn.Hardtanh,
    nn.CELU, nn.SELU, nn.Mish, nn.Softsign, nn.Identity,
)  # fmt: skip
_FIRST = (FlatLinear, nn.Flatten)


class PlainModel:
    """Affine layers, functions of single numbers and dropout, as torch.baddbmm does them for all rows at once."""

    fixed_width = False

    def __init__(self, module: nn.Sequential) -> None:
        self._layers = list(module.named_children())
        self._names = {id(parameter): name for name, parameter in module.named_parameters()}

    def outputs(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        """See StackedModel."""
        return self._outputs(parameters, x=x, masks=masks)

    def evaluated(self, parameters: Mapping[str, Tensor], *, x: Tensor) -> Tensor:
        """See StackedModel."""
        num_rows = len(next(iter(parameters.values())))
        return self._outputs(parameters, x=x.expand(num_rows, *x.shape), masks={})

    def _outputs(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        # Examples in the last dimension: the gradient of a weight then comes in the weight's own order, without a copy.
        values = x.flatten(2).transpose(1, 2)
        for path, layer in self._layers:
            if isinstance(layer, nn.Linear):
                values = self._affine(layer, parameters=parameters, x=values)
            elif not isinstance(layer, SeededDropout | nn.Flatten):
                values = layer(values)
            elif path in masks:
                values = values * masks[path].transpose(1, 2)
        return values.transpose(1, 2)

    def _affine(self, layer: nn.Linear, *, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        weight = parameters[self._names[id(layer.weight)]]
        if layer.bias is None:
            return torch.bmm(weight, x)
        return torch.baddbmm(parameters[self._names[id(layer.bias)]][..., None], weight, x)


def is_plain(module: nn.Module, *, layout: Layout, example_shape: Sequence[int]) -> bool:
    """Whether a PlainModel does what the module does to examples of this shape."""
    if type(module) is not nn.Sequential or layout.frozen or not len(module):
        return False
    flat = len(example_shape) == 1 or isinstance(module[0], _FIRST)
    return flat and all(_is_plain_layer(layer, number=number) for number, layer in enumerate(module))


def _is_plain_layer(layer: nn.Module, *, number: int) -> bool:
    if type(layer) is nn.Flatten:
        return number == 0 and (layer.start_dim, layer.end_dim) == (1, -1)
    if type(layer) is SeededDropout:
        return not layer.of_channels
    if layer._forward_hooks or layer._forward_pre_hooks:
        return False
    return type(layer) in (*_ELEMENTWISE, nn.Linear, FlatLinear)
