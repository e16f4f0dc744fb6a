"""From arrays (NPZ) to a data set: x of (rows, features) or (rows, channels, height, width), and y of (rows,)."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.importing.array_names import Named, named
from trainer.importing.columns import of_array
from trainer.importing.dataset import Dataset, described
from trainer.importing.options import ImportOptions
from trainer.importing.parts import check_given, parts_of
from trainer.importing.refused import Refused
from trainer.importing.request import ImportLimits
from trainer.importing.target import target_of
from trainer.packed.preprocessing import standardised
from trainer.prepared import PARTS

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
_CHUNK_VALUES = 2**20


def of_arrays(arrays: Arrays, *, options: ImportOptions, limits: ImportLimits) -> Dataset:
    """The data set in the arrays. Refused where they do not fit each other, the options or the limits."""
    found = named(arrays, options=options)
    _check_x(found.x, limits=limits)
    target_column = of_array(found.y, name=found.target)
    target = target_of(target_column, task=options.task)
    split_column = None if found.split is None else of_array(found.split, name=found.split_name)
    if found.rows is None:
        rows = parts_of(target, split=options.split, column=split_column)
    else:
        rows = found.rows
        check_given(rows, target=target)
    mean, scale = _moments(found.x, rows=rows["train"])
    columns = [_about_x(found), described(target_column, role="target")]
    if split_column is not None:
        columns.append(described(split_column, role=options.split.kind))
    return Dataset(
        x={part: _standardised(found.x, rows=rows[part], mean=mean, scale=scale) for part in PARTS},
        rows=rows,
        target=target,
        inputs={"kind": "array", "shape": list(found.x.shape[1:]), "mean": mean.tolist(), "scale": scale.tolist()},
        columns=columns,
        reading={"format": "npz"},
        remarks=[],
    )


def _about_x(found: Named) -> dict[str, Any]:
    return {
        "name": "x",
        "type": str(found.x.dtype),
        "role": "feature",
        "shape": list(found.x.shape),
        "missing": 0,
        "distinct": None,
        "done": f"standardised by {'channel' if found.x.ndim == 4 else 'feature'}",
    }


def _check_x(x: NDArray[Any], *, limits: ImportLimits) -> None:
    if x.dtype.kind not in "biuf":
        raise Refused("file", message=f"the array x holds {x.dtype}", mend="save numbers")
    if x.ndim not in (2, 4) or 0 in x.shape:
        raise Refused(
            "file",
            message=f"the array x has the shape {x.shape}",
            mend="save it as (rows, features) or (rows, channels, height, width); grey images: x[:, None]",
        )
    width = int(np.prod(x.shape[1:]))
    if x.size > limits.max_cells or (x.ndim == 2 and width > limits.max_columns):
        raise Refused(
            "file",
            message=f"the array x has {len(x)} rows of {width} numbers; at most {limits.max_cells} numbers in all and "
            f"{limits.max_columns} features are taken",
            mend="save fewer examples or features, or smaller images",
        )
    for rows, chunk in _chunks(x, rows=np.arange(len(x))):
        wrong = np.flatnonzero(~np.isfinite(chunk.reshape(len(chunk), -1)).all(axis=1))
        if len(wrong):
            raise Refused(
                "missing" if np.isnan(chunk[wrong[0]]).any() else "file",
                message=f"the array x holds NaN or infinity in row {rows[wrong[0]] + 1}",
                mend="fill it in before saving: arrays are not imputed",
            )


def _moments(x: NDArray[Any], *, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (1 where constant) of each feature or channel in these rows."""
    axes = (0,) if x.ndim == 2 else (0, 2, 3)
    count = len(rows) * int(np.prod(x.shape[2:]))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum((chunk.sum(axis=axes) for _, chunk in _chunks(x, rows=rows)), start=np.zeros(x.shape[1])) / count
        centre = mean.reshape(-1, *[1] * (x.ndim - 2))
        squares = (np.square(chunk - centre).sum(axis=axes) for _, chunk in _chunks(x, rows=rows))
        scale = np.sqrt(sum(squares, start=np.zeros(x.shape[1])) / count)
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        raise _too_large()
    # Rounding leaves a little of a constant: it is one all the same.
    varies = scale > 1e-12 * np.abs(mean)
    if not varies.any():
        raise Refused(
            "file", message="the array x is the same in every row of the training part", mend="save what differs"
        )
    return mean, np.where(varies, scale, 1.0)


def _standardised(
    x: NDArray[Any], *, rows: NDArray[np.int64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    encoded = np.empty((len(rows), *x.shape[1:]), dtype=np.float32)
    by_channel = (-1, *[1] * (x.ndim - 2))
    start = 0
    for _, chunk in _chunks(x, rows=rows):
        piece = standardised(chunk, mean=mean.reshape(by_channel), scale=scale.reshape(by_channel))
        if not np.isfinite(piece).all():
            raise _too_large()
        encoded[start : start + len(chunk)] = piece
        start += len(chunk)
    return encoded


def _chunks(x: NDArray[Any], *, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """These rows in double precision, about a million numbers at a time, and which they are."""
    num_rows = max(1, _CHUNK_VALUES // int(np.prod(x.shape[1:])))
    for start in range(0, len(rows), num_rows):
        some = rows[start : start + num_rows]
        yield some, x[some].astype(np.float64)


def _too_large() -> Refused:
    return Refused(
        "file", message="the numbers of the array x are too large to be standardised", mend="save them in another unit"
    )
