"""Rows dealt to the three parts of the data: built-in and uploaded data sets by the same rule. Torch-free."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.prepared import PARTS

Rows: TypeAlias = NDArray[np.int64]

_FIVE = ("train", "validation", "train", "test", "train")


def dealt(y: NDArray[Any], *, seed: int, stratified: bool) -> dict[str, Rows]:
    """Row numbers (ascending, from 0) of the three parts of 60/20/20, each class divided alike where `stratified`.

    The rows in random order, sorted by class, are dealt in fives: 3 to train, 1 to validation, 1 to test. So a class
    of five has rows in every part.
    """
    # RandomState, since NumPy promises its stream for ever; that of default_rng may change with a release.
    order = np.random.RandomState(seed).permutation(len(y))
    if stratified:
        order = order[np.argsort(y[order], kind="stable")]
    part_of = np.array(_FIVE)[np.arange(len(order)) % len(_FIVE)]
    return {part: np.sort(order[part_of == part]) for part in PARTS}
