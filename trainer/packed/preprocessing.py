"""How a row of data becomes the numbers a model reads, and a model's outputs an answer. NumPy alone.

This text travels as it is inside exported models, so it imports nothing of Ravine's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Encoded: TypeAlias = NDArray[np.float32]

MISSING = ("", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null")
"""The texts that stand for a missing value."""

_CHUNK_ROWS = 65_536


def encode(inputs: Mapping[str, Any], *, rows: Sequence[Any]) -> Encoded:
    """What a model reads, (rows, features) or (rows, channels, height, width), of rows as a person has them.

    `inputs` is the entry of this name in a preprocessing. A row of a table is an object by column name or a list in
    the order of the columns; an object may hold what stands `beside` them (the target, what was ignored), which is not
    read. A row of an array is a nested list of its shape, or a flat one. ValueError names the row (counted from 1) and
    the column where a value is missing without a fill, is no finite number, or has no column.
    """
    if inputs["kind"] == "array":
        return _encode_array(inputs, rows=rows)
    columns = inputs["columns"]
    values = _by_column(rows, names=[column["name"] for column in columns], beside=inputs.get("beside", ()))
    parts = [_encode_column(column, values=found) for column, found in zip(columns, values, strict=True)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(rows), 0), dtype=np.float32)


def decode(target: Mapping[str, Any], *, outputs: NDArray[Any]) -> dict[str, Any]:
    """The answer, ready for JSON: `predictions`, and for classes `probabilities` (rows, classes) and `classes`.

    `outputs` are a model's: logits (rows, classes), standardised numbers (rows, 1), or anything where the target is
    raw. A prediction is None where the model answered with NaN or infinity.
    """
    if target["kind"] == "raw":
        return {"predictions": _listed(outputs)}
    if target["kind"] == "number":
        numbers = outputs.astype(np.float64).reshape(len(outputs)) * target["scale"] + target["mean"]
        return {"predictions": _listed(numbers)}
    logits = outputs.astype(np.float64)
    logits[~np.isfinite(logits).all(axis=1)] = np.nan
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = likely / likely.sum(axis=1, keepdims=True)
    best = np.where(np.isnan(logits[:, 0]), -1, logits.argmax(axis=1))
    names = [*target["classes"], None]
    return {
        "predictions": [names[index] for index in best],
        "probabilities": _listed(probabilities),
        "classes": list(target["classes"]),
    }


def standardised(values: Floats, *, mean: float | Floats, scale: float | Floats) -> Encoded:
    """(values - mean) / scale in double precision, then rounded to single; infinite where that overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return ((values - mean) / scale).astype(np.float32)


def one_hot(codes: NDArray[np.int64], *, num_values: int) -> Encoded:
    """(rows, num_values) with a 1 at each row's code; all zeros where the code is -1, an unknown value."""
    return np.asarray(codes[:, None] == np.arange(num_values)[None, :], dtype=np.float32)


def category(value: Any) -> str | None:
    """The text by which a category column knows a value: stripped, true and false in small letters; None if missing."""
    if value is None or value != value:
        return None
    text = str(value).strip()
    if text in MISSING:
        return None
    return text.lower() if text.lower() in ("true", "false") else text


def _by_column(rows: Sequence[Any], *, names: list[str], beside: Sequence[str]) -> list[list[Any]]:
    """The values of each column, None where an object leaves its column out."""
    known = {*names, *beside}
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Mapping):
            if not row.keys() <= known:
                strange = sorted(map(str, row.keys() - known))
                raise ValueError(f"row {number}: there is no column {strange[0][:60]!r}; leave it out")
        elif isinstance(row, str) or not isinstance(row, Sequence):
            raise ValueError(f"row {number}: give an object by column name, or a list of {len(names)} values")
        elif len(row) != len(names):
            raise ValueError(f"row {number}: it has {len(row)} values and there are {len(names)} columns")
    return [
        [row.get(name) if isinstance(row, Mapping) else row[index] for row in rows] for index, name in enumerate(names)
    ]


def _encode_column(column: Mapping[str, Any], *, values: list[Any]) -> Encoded:
    if column["kind"] == "category":
        texts = [category(value) for value in values]
        filled = [column["fill"] if text is None else text for text in texts]
        _refuse_missing(column, missing=np.array([text is None for text in filled], dtype=bool))
        codes = {value: code for code, value in enumerate(column["values"])}
        found = np.fromiter((codes.get(text, -1) for text in filled), dtype=np.int64, count=len(filled))
        return one_hot(found, num_values=len(column["values"]))
    numbers = _numbers(column, values=values)
    if column["fill"] is not None:
        numbers = np.where(np.isnan(numbers), column["fill"], numbers)
    _refuse_missing(column, missing=np.isnan(numbers))
    encoded = standardised(numbers, mean=column["mean"], scale=column["scale"])
    too_large = np.flatnonzero(~np.isfinite(encoded))
    if len(too_large):
        raise ValueError(f"row {too_large[0] + 1}, column {column['name']!r}: the number is infinite or too large")
    return encoded[:, None]


def _numbers(column: Mapping[str, Any], *, values: list[Any]) -> Floats:
    """The values as numbers, NaN where one is missing."""
    try:
        return np.array(values, dtype=np.float64).reshape(len(values))
    except (TypeError, ValueError, OverflowError):
        # Texts for missing values, or something that is no number: found one by one.
        return np.array([_number(value, column=column, row=row) for row, value in enumerate(values, start=1)])


def _number(value: Any, *, column: Mapping[str, Any], row: int) -> float:
    if value is None or (isinstance(value, str) and value.strip() in MISSING):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"row {row}, column {column['name']!r}: {str(value)[:60]!r} is no number") from None


def _refuse_missing(column: Mapping[str, Any], *, missing: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(missing)
    if len(rows):
        raise ValueError(f"row {rows[0] + 1}, column {column['name']!r}: the value is missing; give one")


def _encode_array(inputs: Mapping[str, Any], *, rows: Sequence[Any]) -> Encoded:
    shape = tuple(inputs["shape"])
    by_channel = (-1, *[1] * (len(shape) - 1))
    mean = np.array(inputs["mean"], dtype=np.float64).reshape(by_channel)
    scale = np.array(inputs["scale"], dtype=np.float64).reshape(by_channel)
    encoded = np.empty((len(rows), *shape), dtype=np.float32)
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = _shaped(rows[start : start + _CHUNK_ROWS], shape=shape, first=start + 1)
        encoded[start : start + len(chunk)] = standardised(chunk, mean=mean, scale=scale)
    wrong = np.flatnonzero(~np.isfinite(encoded).all(axis=tuple(range(1, encoded.ndim))))
    if len(wrong):
        raise ValueError(f"row {wrong[0] + 1}: a number is missing, infinite or too large")
    return encoded


def _shaped(rows: Sequence[Any], *, shape: tuple[int, ...], first: int) -> Floats:
    """The rows as one array of (rows, *shape)."""
    flat = (len(rows), int(np.prod(shape)))
    try:
        found = np.array(rows, dtype=np.float64)
        if found.shape in ((len(rows), *shape), flat, *([(len(rows),)] if shape == (1,) else [])):
            return found.reshape(len(rows), *shape)
    except (TypeError, ValueError, OverflowError):
        pass
    if len(rows) > 1:
        # Which row is it? Each alone.
        for number, row in enumerate(rows, start=first):
            _shaped([row], shape=shape, first=number)
    raise ValueError(f"row {first}: give numbers in the shape {list(shape)}, or {flat[1]} of them in a list")


def _listed(numbers: NDArray[Any]) -> list[Any]:
    """Nested lists, with None for what is not finite: JSON has no word for it."""
    if np.isfinite(numbers).all():
        return list(numbers.tolist())
    known = numbers.astype(object)
    known[~np.isfinite(numbers)] = None
    return list(known.tolist())
