"""Models of any kind, their copies side by side by torch.func: what can be mapped over rows, and nothing else."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from trainer.fused.aligned import at_multiples
from trainer.fused.aligned_layers import with_aligned_layers
from trainer.fused.masks import Masks

MASK = "mask"


class MappedModel:
    """A module as a function of its parameters, frozen ones and statistics too, mapped over the rows.

    A convolution's last bits depend on how many rows go together (all of them are one grouped convolution), so that
    such a model is always computed for all rows of its stack, taken or not.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = with_aligned_layers(module)
        self.fixed_width = any(isinstance(layer, _ConvNd) for layer in module.modules())

    def arranged(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See StackedModel."""
        return parameters

    def outputs(self, parameters: Mapping[str, Tensor], *, x: Tensor, masks: Masks) -> Tensor:
        """See StackedModel."""
        given = {f"{path}.{MASK}" if path else MASK: mask for path, mask in masks.items()}
        outputs: Tensor = torch.vmap(self._of_row)({**parameters, **given}, at_multiples(x))
        return outputs.movedim(1, -1)

    def evaluated(self, parameters: Mapping[str, Tensor], *, x: Tensor) -> Tensor:
        """See StackedModel; each row is computed as it would be alone, from weights that begin at whole addresses."""
        self._module.eval()
        try:
            num_rows = len(next(iter(parameters.values())))
            rows = ({name: tensor[row].clone() for name, tensor in parameters.items()} for row in range(num_rows))
            return torch.stack([self._of_row(row, x) for row in rows])
        finally:
            self._module.train()

    def _of_row(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self._module, parameters, (x,))
        return outputs
