"""What the dropouts of a stack leave out: for each row what it would leave out alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from trainer.models.dropout import SeededDropout, drawn_mask, dropouts_of
from trainer.randomness import dropout_generator

Masks: TypeAlias = Mapping[str, Tensor]
"""By the path of a dropout in the model: what its input is multiplied by, (rows, batch, ...)."""


class Draw(NamedTuple):
    """What a row's masks follow from: the seed, the updates before this one, its batch, the share of each dropout."""

    seed: int
    num_updates: int
    batch_size: int
    shares: Sequence[float]


class MaskMaker:
    """Makes masks for the dropouts of a model; `x` (n, ...) are examples to see the shapes of their inputs with.

    They have the dtype and device of `like`.
    """

    def __init__(self, model: nn.Module, *, x: Tensor, like: Tensor) -> None:
        self._shapes = _mask_shapes(model, x=x)
        self._like = like

    @property
    def has_dropouts(self) -> bool:
        """The model has any."""
        return bool(self._shapes)

    def masks(self, draws: Sequence[Draw], *, num_rows: int, batch_size: int) -> Masks:
        """The masks of these rows, (num_rows, batch_size, ...); beyond them everything is left out.

        What fills up a batch is a copy of its first example, with the same mask: it can then become infinite only where
        that one does too.
        """
        masks = {}
        for layer, (path, shape) in enumerate(self._shapes.items()):
            mask = self._like.new_zeros((num_rows, batch_size, *shape))
            for row, draw in enumerate(draws):
                generator = dropout_generator(draw.seed, layer=layer, num_updates=draw.num_updates)
                own = (draw.batch_size, *shape)
                mask[row, : own[0]] = drawn_mask(own, share=draw.shares[layer], generator=generator, like=mask)
                mask[row, own[0] :] = mask[row, :1]
            masks[path] = mask
        return masks


def _mask_shapes(model: nn.Module, *, x: Tensor) -> dict[str, tuple[int, ...]]:
    """By path, the shape of one example's mask; () for a dropout that these examples never come to."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(dropouts_of(model), ())
    hooks = [
        dropout.register_forward_pre_hook(_note(shapes, path=path)) for path, dropout in dropouts_of(model).items()
    ]
    if hooks:
        with torch.no_grad():
            model(x)
    for hook in hooks:
        hook.remove()
    return shapes


def _note(shapes: dict[str, tuple[int, ...]], *, path: str) -> Callable[[nn.Module, Any], None]:
    def note(dropout: nn.Module, inputs: Any) -> None:
        assert isinstance(dropout, SeededDropout)
        shapes[path] = dropout.mask_shape(inputs[0])[1:]

    return note
