"""Dropout whose masks are counted: a resumed training leaves out the same units as one that was never interrupted."""

from typing import TypeAlias, TypeGuard, get_args

import torch
from torch import Tensor, nn

from trainer.randomness import dropout_generator

_Plain: TypeAlias = nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d
_PLAIN = get_args(_Plain)


class SeededDropout(nn.Module):
    """nn.Dropout with a mask that follows from (`seed`, `layer`, `num_updates`) alone; the row sets all three.

    `of_channels`: whole channels (dimension 1) are left out, as nn.Dropout2d does. Called twice in one update it has
    the same mask twice. Where `mask` is given (for many rows side by side) it is that one. Identity in evaluation.
    """

    mask: Tensor | None

    def __init__(self, share: float, *, of_channels: bool = False) -> None:
        super().__init__()
        self.share = share
        self.of_channels = of_channels
        self.seed = 0
        self.layer = 0
        self.num_updates = 0
        self.register_buffer("mask", None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with a share of its entries 0 and the others over 1 - share."""
        if not self.training or self.share == 0:
            return x
        if self.mask is not None:
            return (x * self.mask).to(x.dtype)
        generator = dropout_generator(self.seed, layer=self.layer, num_updates=self.num_updates)
        like = x.float() if x.dtype == torch.bfloat16 else x  # 1 / (1 - share) wants more bits
        return (x * drawn_mask(self.mask_shape(x), share=self.share, generator=generator, like=like)).to(x.dtype)

    def mask_shape(self, x: Tensor) -> tuple[int, ...]:
        """The shape of a mask for this input."""
        return (*x.shape[:2], *(1 for _ in x.shape[2:])) if self.of_channels else tuple(x.shape)

    def extra_repr(self) -> str:
        """What print(model) shows."""
        return f"share={self.share}, of_channels={self.of_channels}"


def drawn_mask(shape: tuple[int, ...], *, share: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """A mask with dtype and device of `like`: 0 for a share of the entries and 1 / (1 - share) for the others."""
    # Drawn on the CPU: every device then leaves out the same units.
    kept = torch.rand(shape, generator=generator) >= share
    scale = 1 / (1 - share) if share < 1 else 0.0
    return kept.to(device=like.device, dtype=like.dtype) * scale


def dropouts_of(model: nn.Module) -> dict[str, SeededDropout]:
    """The model's counted dropouts by their paths, in the order of their `layer` numbers."""
    return {path: module for path, module in model.named_modules() if isinstance(module, SeededDropout)}


def with_counted_dropout(model: nn.Module) -> nn.Module:
    """The model with a SeededDropout in the place of each nn.Dropout (and Dropout1d to 3d) in it.

    Dropout inside one module of torch (attention, LSTM), by torch.nn.functional, of another kind (AlphaDropout) or of
    a class of the author's own stays as it is: its masks come from torch's own generator.
    """
    if _is_plain(model):
        return _counted(model)
    put: dict[nn.Module, SeededDropout] = {}
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if _is_plain(module):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, put.setdefault(module, _counted(module)))
    return model


def _is_plain(module: nn.Module) -> TypeGuard[_Plain]:
    return type(module) in _PLAIN


def _counted(plain: _Plain) -> SeededDropout:
    return SeededDropout(plain.p, of_channels=not isinstance(plain, nn.Dropout))
