"""What an upload becomes, before it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from trainer.importing.columns import Column
from trainer.importing.target import Target


@dataclass(frozen=True)
class Dataset:
    """The parts as arrays, and what is to be said of them.

    `x` holds (rows, ...) float32 by part, `rows` the row numbers of each part in the upload. `inputs` is how a row
    became numbers (trainer.packed.preprocessing). `columns` describe what was found, `reading` how the file was read;
    `remarks` are warnings.
    """

    x: Mapping[str, NDArray[Any]]
    rows: Mapping[str, NDArray[Any]]
    target: Target
    inputs: Mapping[str, Any]
    columns: list[dict[str, Any]]
    reading: Mapping[str, Any]
    remarks: list[str]


def described(column: Column, *, role: str, done: str = "") -> dict[str, Any]:
    """A column's entry in the report; role: feature, constant, target, ignored, or the kind of split it steers."""
    return {
        "name": column.name,
        "type": column.type,
        "role": role,
        "missing": int(column.missing.sum()),
        "distinct": column.num_distinct,
        "done": done,
    }
