"""Made-up pictures of 28x28 pixels in ten classes: what a small convolutional network trains on."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_CLASSES = 10
SIDE = 28
NUM_EXAMPLES = {"train": 1200, "validation": 400, "test": 400}
NOISE = 1.0
SEED = 20


@cache
def images() -> dict[str, NDArray[Any]]:
    """x_train, y_train and so on: x is (n, 1, 28, 28), a pattern for each class under noise."""
    dice = np.random.default_rng(SEED)
    patterns = dice.standard_normal((NUM_CLASSES, 1, SIDE, SIDE))
    arrays: dict[str, NDArray[Any]] = {}
    for part, num_examples in NUM_EXAMPLES.items():
        y = dice.integers(NUM_CLASSES, size=num_examples)
        x = patterns[y] + NOISE * dice.standard_normal((num_examples, 1, SIDE, SIDE))
        arrays |= {f"x_{part}": x.astype(np.float32), f"y_{part}": y}
    return arrays


def written_images(folder: Path) -> Path:
    """The file that is uploaded."""
    path = folder / "images.npz"
    np.savez(path, allow_pickle=False, **images())
    return path
