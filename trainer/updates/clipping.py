"""Gradients no longer than a row allows."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.updates.columns import Columns

_EPSILON = 1e-6


class Clipping:
    """Scales the gradient of each row down to its longest norm (2-norm over all weights of the row); 0: any length."""

    def __init__(self, max_norms: Sequence[float], *, like: Tensor) -> None:
        self._max_norms = Columns([(norm,) for norm in max_norms], like=like).each[0] if any(max_norms) else None

    def clipped(self, gradient: Tensor) -> Tensor:
        """As torch.nn.utils.clip_grad_norm_: times max_norm / (norm + 1e-6), at most 1. What is given stays as it is.

        A norm that is not finite leaves NaN: the training has diverged.
        """
        if self._max_norms is None:
            return gradient
        norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        shares = (self._max_norms / (norms + _EPSILON)).clamp_(max=1.0)
        return torch.where(self._max_norms > 0, gradient * shares, gradient)
