"""The ravine: an ill-conditioned quadratic on which theory says what learning rate and momentum must do.

f(θ) = ½ Σ λ_i θ_i² with NUM_DIMENSIONS eigenvalues λ_i, evenly spaced on a log scale from CONVEXITY (μ = 1) to
SMOOTHNESS (L = 100): condition number κ = L/μ = 100, minimum 0 at θ = 0, start at θ = (1, ..., 1).

- Gradient descent converges exactly when η < 2/L = 0.02; at best, with 2/(L+μ), an update leaves (κ-1)/(κ+1) of the
  error.
- Heavy ball with η = 4/(√L+√μ)² and momentum ((√κ-1)/(√κ+1))² leaves (√κ-1)/(√κ+1) in the long run
  (Polyak 1964; Goh, "Why Momentum Really Works", Distill 2017).

It goes through the same loop as data: its training part is 128 equal examples, so that every batch, of any size, has
the whole function's loss and gradient, and the batch size only says how many updates make an epoch.
"""

import torch
from torch import Tensor, nn

SMOOTHNESS = 100.0
CONVEXITY = 1.0
NUM_DIMENSIONS = 10


def eigenvalues() -> Tensor:
    """λ, shape (NUM_DIMENSIONS,), float64, ascending."""
    exponents = torch.linspace(0, 1, NUM_DIMENSIONS, dtype=torch.float64)
    return CONVEXITY * (SMOOTHNESS / CONVEXITY) ** exponents


class Ravine(nn.Module):
    """θ as a model: maps n equal examples (n, 1) to n equal rows √λ·θ (n, NUM_DIMENSIONS)."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.ones(NUM_DIMENSIONS))
        self.register_buffer("scale", eigenvalues().sqrt().to(torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        """√λ·θ once per example."""
        return x * (self.scale * self.theta)


def ravine_loss(outputs: Tensor, _targets: Tensor) -> Tensor:
    """f(θ): half the mean over the rows of the sum of squares."""
    return ravine_losses(outputs).mean()


def ravine_losses(outputs: Tensor) -> Tensor:
    """f(θ) once for each row of √λ·θ, in the last dimension."""
    return outputs.square().sum(dim=-1) / 2
