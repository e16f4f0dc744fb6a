"""A smooth surface through scattered values: the mean of the neighbours, weighted by a Gaussian of their distance."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FAR = 2.5
"""Bandwidths from the nearest trial beyond which nothing is claimed."""


def bandwidth(num_points: int) -> float:
    """Scott's rule for two dimensions, points from 0 to 1: n^(-1/6) times the deviation of a uniform distribution."""
    return float(0.29 * num_points ** (-1 / 6))


def surface(points: Floats, *, values: Floats, grid: tuple[Floats, Floats], width: float) -> list[list[float | None]]:
    """The surface over a grid (its x and y, from 0 to 1), a row per y; None where no trial is near.

    `points` are (n, 2), from 0 to 1. Nadaraya (1964) and Watson (1964): the weighted mean of the values.
    """
    x, y = np.meshgrid(*grid)
    rows = []
    for row_x, row_y in zip(x, y, strict=True):  # row by row: 40 x 40 x 2,000 distances at once are 25 MB
        squared = (row_x[:, None] - points[:, 0]) ** 2 + (row_y[:, None] - points[:, 1]) ** 2
        nearest = squared.min(axis=1)
        weights = np.exp(-(squared - nearest[:, None]) / (2 * width**2))
        means = weights @ values / weights.sum(axis=1)
        known = nearest <= (FAR * width) ** 2
        rows.append([float(mean) if near else None for mean, near in zip(means, known, strict=True)])
    return rows
