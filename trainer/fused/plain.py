"""Models that are a row of plain layers: all their copies side by side are as many batched products."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from torch import Tensor, nn

from trainer.fused.aligned import FEWEST_ROWS, affine, aligned_batch, at_multiples, elementwise, filled_up
from trainer.fused.masks import Masks
from trainer.models.build import FlatLinear
from trainer.models.dropout import SeededDropout
from trainer.models.layout import Layout

_ELEMENTWISE = (
    nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.ReLU6, nn.Hardtanh,
    nn.CELU, nn.SELU, nn.Mish, nn.Softsign, nn.Identity,
)  # fmt: skip
_FIRST = (FlatLinear, nn.Flatten)

_Layer: TypeAlias = Callable[[Tensor, Mapping[str, Tensor], Masks], Tensor]
"""Of values (rows, inputs, n), parameters and masks, values (rows, outputs, n)."""


class PlainModel:
    """Affine layers, functions of single numbers and dropout, as torch.baddbmm does them for all rows at once."""

    fixed_width = False

    def __init__(self, module: nn.Sequential) -> None:
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        linears = [layer for layer in module if isinstance(layer, nn.Linear)]
        layers = [(path, layer) for path, layer in module.named_children() if not isinstance(layer, nn.Flatten)]
        self._layers = [_applied(layer, path=path, names=names) for path, layer in layers]
        self._biases = {names[id(layer.bias)] for layer in linears if layer.bias is not None}
        self._widths = tuple(width for layer in linears for width in (layer.in_features, layer.out_features))

    def arranged(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See StackedModel: biases are columns."""
        return {name: tensor[..., None] if name in self._biases else tensor for name, tensor in parameters.items()}

    def outputs(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        """See StackedModel."""
        num_examples = aligned_batch(x.shape[1], widths=self._widths)
        if num_examples == x.shape[1]:
            return self._columns(parameters, x=at_multiples(x), masks=masks)
        masks = {path: filled_up(mask, num_examples=num_examples) for path, mask in masks.items()}
        outputs = self._columns(parameters, x=filled_up(x, num_examples=num_examples), masks=masks)
        return outputs[..., : x.shape[1]]

    def evaluated(self, parameters: Mapping[str, Tensor], *, x: Tensor) -> Tensor:
        """See StackedModel: the examples in as many parts as rows there must be, so that one row is enough."""
        num_examples = aligned_batch(-(-len(x) // FEWEST_ROWS), widths=self._widths)
        filled = filled_up(x[None], num_examples=FEWEST_ROWS * num_examples)
        num_rows = next(iter(parameters.values())).shape[0]
        parts = filled.expand(num_rows, *filled.shape[1:]).reshape(-1, num_examples, *x.shape[1:])
        of_parts = {name: tensor.repeat_interleave(FEWEST_ROWS, dim=0) for name, tensor in parameters.items()}
        outputs = self._columns(of_parts, x=parts, masks={}).transpose(1, 2)
        return outputs.reshape(num_rows, FEWEST_ROWS * num_examples, -1)[:, : len(x)]

    def _columns(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        # Examples in the last dimension: the gradient of a weight then comes in the weight's own order, without a copy.
        values = x.flatten(2).transpose(1, 2)
        for layer in self._layers:
            values = layer(values, parameters, masks)
        return values


def _applied(layer: nn.Module, *, path: str, names: Mapping[int, str]) -> _Layer:
    """A layer as a function; `names` are those of parameters by their id."""
    if isinstance(layer, nn.Linear):
        weight, bias = names[id(layer.weight)], names.get(id(layer.bias))
        return lambda values, given, _: affine(values, weight=given[weight], bias=None if bias is None else given[bias])
    if isinstance(layer, SeededDropout):
        return lambda values, _, masks: values * masks[path].transpose(1, 2) if path in masks else values
    return lambda values, *_: elementwise(layer, x=values)


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
