"""The numbers in which a model computes: float32, or bfloat16 where it was asked for."""

from collections.abc import Callable
from typing import ParamSpec

import torch
from torch import Tensor

from trainer.config import Precision
from trainer.errors import EngineError

Given = ParamSpec("Given")


def in_precision(
    forward: Callable[Given, Tensor], *, precision: Precision, device: torch.device
) -> Callable[Given, Tensor]:
    """A forward pass in this precision; what it answers is float32, and so are loss, gradients and update.

    float32 is the pass itself, in whatever type model and data have. bfloat16 is torch's autocast: products of matrices
    and convolutions take and give bfloat16, what needs more digits stays float32, and so do all weights. EngineError
    where the device cannot.
    """
    if precision == "float32":
        return forward
    if not _has_bfloat16(device):
        raise EngineError(f"precision: {device.type} computes nothing in bfloat16 here; use precision: float32")

    def answer(*args: Given.args, **kwargs: Given.kwargs) -> Tensor:
        with _autocast(device):
            outputs = forward(*args, **kwargs)
        return outputs.float() if outputs.dtype is torch.bfloat16 else outputs

    return answer


def _autocast(device: torch.device) -> torch.autocast:
    # Its cache holds copies of weights that a pass uses twice: of rows mapped side by side it knows nothing.
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def _has_bfloat16(device: torch.device) -> bool:
    """Some devices raise and others warn and go on in float32: one product tells."""
    one = torch.ones((1, 1), device=device)
    try:
        with _autocast(device):
            return (one @ one).dtype is torch.bfloat16
    except RuntimeError:
        return False
