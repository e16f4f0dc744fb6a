"""What makes the last bits of a row depend on its place in a stack, and how a computation of many rows avoids it.

- A product of matrices is computed otherwise where one of them does not begin at a multiple of 16 bytes (MKL's small
  products). So every row's matrices have a multiple of ALIGNED entries: batches are filled up with copies of an
  example (nothing becomes infinite in a copy that is not in the example) and layers with outputs of weight 0.
- Loops over single numbers take up to WHOLE of them at once, in vectors, and what is left at the end of the last row
  one by one, by functions that round otherwise (erf, exp). So every row has whole ones.
- Of one row alone a product may be another one (a matrix with a vector), and a sum one over other dimensions. So
  there are always two.
"""

from math import gcd

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ALIGNED = 4
WHOLE = 64
FEWEST_ROWS = 2

_EXACT = (nn.ReLU, nn.Tanh, nn.LeakyReLU, nn.ReLU6, nn.Hardtanh, nn.Softsign, nn.Identity)


def aligned_batch(num_examples: int, *, widths: tuple[int, ...]) -> int:
    """How many examples there must be for matrices (examples, width) to be aligned."""
    return num_examples + _missing(num_examples, beside=gcd(*widths))


def at_multiples(x: Tensor) -> Tensor:
    """x (rows, n, ...) whose rows may begin anywhere, as a part of larger ones: where that is so, a copy."""
    return x if x.stride(0) % ALIGNED == 0 else x.contiguous()


def filled_up(x: Tensor, *, num_examples: int) -> Tensor:
    """x (rows, n, ...) with copies of each row's first example behind the others."""
    missing = num_examples - x.shape[1]
    return torch.cat([x, x[:, :1].expand(-1, missing, *x.shape[2:])], dim=1) if missing else x


def affine(x: Tensor, *, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (rows, inputs, n), aligned, to (rows, outputs, n).

    `weight` is (rows, outputs, inputs), `bias` (rows, outputs, 1).
    """
    num_outputs = weight.shape[1]
    whole, bias = aligned_outputs(weight, bias=bias)
    outputs = torch.bmm(whole, x) if bias is None else torch.baddbmm(bias, whole, x)
    return outputs if whole is weight else outputs[:, :num_outputs]


def aligned_outputs(weight: Tensor, *, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Weights (..., outputs, inputs) with outputs of weight 0 behind the others, and their bias (..., outputs[, 1])."""
    num_outputs, num_inputs = weight.shape[-2:]
    missing = _missing(num_outputs, beside=num_inputs)
    if not missing:
        return weight, bias
    columns = (0, 0) if bias is not None and bias.dim() == weight.dim() else ()
    return F.pad(weight, (0, 0, 0, missing)), None if bias is None else F.pad(bias, (*columns, 0, missing))


def elementwise(layer: nn.Module, *, x: Tensor) -> Tensor:
    """What a layer that takes every number by itself makes of x (rows, ...)."""
    if isinstance(layer, _EXACT) or (size := x.shape[1:].numel()) % WHOLE == 0:
        outputs: Tensor = layer.forward(x)
        return outputs
    whole: Tensor = layer.forward(F.pad(x.flatten(1), (0, -size % WHOLE)))
    return whole[:, :size].view(x.shape)


def _missing(size: int, *, beside: int) -> int:
    """What a dimension lacks for a matrix of it and another one to be aligned."""
    return -size % (ALIGNED // gcd(ALIGNED, beside))
