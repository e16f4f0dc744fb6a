"""The way back through a preprocessing: encoded inputs as the rows that a person has."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OTHER = "(other)"
"""A value of a category column that was in no training row."""


def rows_of(inputs: Mapping[str, Any], *, encoded: NDArray[np.float32]) -> list[dict[str, Any] | list[Any]]:
    """Rows that trainer.packed.preprocessing.encode would turn into these inputs, up to the seventh digit."""
    if inputs["kind"] == "array":
        by_channel = (-1, *[1] * (len(inputs["shape"]) - 1))
        mean, scale = (np.array(inputs[name], dtype=np.float64).reshape(by_channel) for name in ("mean", "scale"))
        return [_rounded(row * scale + mean) for row in encoded]
    return [_table_row(inputs["columns"], numbers=[float(number) for number in row]) for row in encoded]


def _table_row(columns: list[Mapping[str, Any]], *, numbers: list[float]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in columns:
        width = 1 if column["kind"] == "number" else len(column["values"])
        own, numbers = numbers[:width], numbers[width:]
        if column["kind"] == "number":
            row[column["name"]] = _seven_digits(own[0] * column["scale"] + column["mean"])
        else:
            row[column["name"]] = column["values"][own.index(1.0)] if 1.0 in own else OTHER
    return row


def _rounded(numbers: NDArray[np.float64]) -> list[Any]:
    if numbers.ndim > 1:
        return [_rounded(part) for part in numbers]
    return [_seven_digits(float(number)) for number in numbers]


def _seven_digits(number: float) -> float:
    """What single precision held; the digits behind it are those of the way there and back."""
    return float(f"{number:.7g}")
