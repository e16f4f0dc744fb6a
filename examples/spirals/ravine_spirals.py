"""Two interleaved spirals: a problem of one's own, with settings of its own and a metric that it logs."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainer.plugins import Problem, log_metric, problem

NUM_TURNS = 1.5


@problem("spirals", task="classification")
def spirals(*, width: int = 32, noise: float = 0.05, dropout: float = 0.0) -> Problem:
    """Two interleaved spirals of points in the plane: which one is a point of?

    width: Units of each of the two hidden layers.
    noise: The standard deviation of the points around their spiral, whose radius goes to 1.
    dropout: The share of hidden units that each update leaves out.
    """

    def model() -> nn.Module:
        # In Ravine its own dropout takes the place of nn.Dropout, so that a resumed training goes on as it would have.
        return nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 2)
        )

    return Problem(
        model=model,
        train=_points(400, seed=1, noise=noise),
        validation=_points(200, seed=2, noise=noise),
        test=_points(200, seed=3, noise=noise),
        loss=_loss,
    )


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy. The task alone would give it too; this one also logs by how much the right answer leads."""
    with torch.no_grad():
        right = outputs.gather(1, targets[:, None]).squeeze(1)
        wrong = outputs.gather(1, 1 - targets[:, None]).squeeze(1)
        log_metric("margin", (right - wrong).mean())
    return cross_entropy(outputs, targets)


def _points(num_points: int, *, seed: int, noise: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points (n, 2) and which spiral each is of (n,); the second spiral is the first one, turned by half a turn."""
    random = np.random.RandomState(seed)
    spiral = np.arange(num_points) % 2
    radius = np.sqrt(random.uniform(0.02, 1, num_points))
    angle = 2 * np.pi * NUM_TURNS * radius + np.pi * spiral
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points + noise * random.standard_normal(points.shape), spiral.astype(np.int64)
