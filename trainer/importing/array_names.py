"""Which array of an NPZ file is what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.importing.options import ImportOptions, RandomSplit
from trainer.importing.parts import PART_NAMES
from trainer.importing.refused import Refused, listed, shown
from trainer.prepared import PARTS


@dataclass(frozen=True)
class Named:
    """Inputs (rows, ...), targets (rows,), and either what the split goes by (rows,) or the rows of each part."""

    x: NDArray[Any]
    y: NDArray[Any]
    target: str
    split_name: str = ""
    split: NDArray[Any] | None = None
    rows: dict[str, NDArray[np.int64]] | None = None


def named(arrays: Mapping[str, NDArray[Any]], *, options: ImportOptions) -> Named:
    """x and y, or x_train, y_train, x_validation and so on. Refused where one is missing, unknown, or too short."""
    taken = {name: values for name, values in arrays.items() if name not in options.ignore}
    unknown = [name for name in options.ignore if name not in arrays]
    if unknown:
        raise Refused("ignore", message=f"there is no array {listed(unknown)}", mend=f"there are {listed([*arrays])}")
    if "x" not in taken and any(name.startswith("x_") for name in taken):
        return _in_parts(taken, options=options)
    target = options.target or "y"
    split_name = None if isinstance(options.split, RandomSplit) else options.split.column
    _check_names(taken, wanted={"x": "file", target: "target", **({split_name: "split.column"} if split_name else {})})
    y = _targets(taken[target], name=target, num_rows=len(np.atleast_1d(taken["x"])))
    if split_name is None:
        return Named(taken["x"], y, target)
    split = _targets(taken[split_name], name=split_name, num_rows=len(y))
    return Named(taken["x"], y, target, split_name, split)


def _in_parts(taken: Mapping[str, NDArray[Any]], *, options: ImportOptions) -> Named:
    if not isinstance(options.split, RandomSplit):
        raise Refused("split", message="the file has its parts already", mend="leave split out, or save x and y")
    arrays = {_full(name): values for name, values in taken.items()}
    _check_names(arrays, wanted={f"{side}_{part}": "file" for side in "xy" for part in PARTS})
    xs = [arrays[f"x_{part}"] for part in PARTS]
    if len({x.shape[1:] for x in xs}) > 1 or any(x.ndim == 0 for x in xs):
        raise Refused("file", message="the arrays x_... have different shapes", mend="save examples of one shape")
    ys = [_targets(arrays[f"y_{part}"], name=f"y_{part}", num_rows=len(x)) for part, x in zip(PARTS, xs, strict=True)]
    if len({_family(y) for y in ys}) > 1:
        raise Refused("file", message="the arrays y_... hold different types", mend="save targets of one type")
    ends = np.cumsum([len(x) for x in xs])
    rows = {part: np.arange(end - len(x), end) for part, end, x in zip(PARTS, ends, xs, strict=True)}
    return Named(np.concatenate(xs), np.concatenate(ys), "y", rows=rows)


def _full(name: str) -> str:
    """x_val as x_validation."""
    side, _, part = name.partition("_")
    return f"{side}_{PART_NAMES.get(part, part)}"


def _family(y: NDArray[Any]) -> str:
    return "number" if y.dtype.kind in "iuf" else y.dtype.kind


def _check_names(arrays: Mapping[str, Any], *, wanted: Mapping[str, str]) -> None:
    for name, field in wanted.items():
        if name not in arrays:
            raise Refused(
                field,
                message=f"there is no array {shown(name)}; there are {listed([*arrays])}",
                mend="save x and y, or x_train, y_train, x_validation, y_validation, x_test and y_test",
            )
    strange = [name for name in arrays if name not in wanted]
    if strange:
        raise Refused(
            "ignore",
            message=f"nothing is known of the array {listed(strange)}",
            mend="put it in ignore, or leave it out of the file",
        )


def _targets(values: NDArray[Any], *, name: str, num_rows: int) -> NDArray[Any]:
    """(rows,), also of (rows, 1)."""
    if values.shape == (num_rows, 1):
        values = values[:, 0]
    if values.shape != (num_rows,):
        raise Refused(
            "target" if name.startswith("y") else "split.column",
            message=f"the array {shown(name)} has the shape {str(values.shape)[:60]}, and x has {num_rows} rows",
            mend="save one value for each row; classes as whole numbers or texts, not one-hot",
        )
    return values
