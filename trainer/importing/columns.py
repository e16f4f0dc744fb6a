"""One column of an upload as numbers: what a table or an array becomes before anything is decided about it."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainer.importing.refused import Refused, shown
from trainer.packed.preprocessing import category

ColumnKind: TypeAlias = Literal["number", "category", "date", "empty"]

MOST_LETTERS = 500
"""The longest text that may be a category or a class."""


@dataclass(frozen=True)
class Column:
    """A column as it was found. `type` is the library's word for it.

    `values` are (rows,): float64 with NaN where one is missing (numbers, dates), or int64 positions in `texts` with -1
    where one is missing (categories).
    """

    name: str
    type: str
    kind: ColumnKind
    values: NDArray[Any]
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows hold no value."""
        return self.values < 0 if self.kind == "category" else np.isnan(self.values)

    @property
    def num_distinct(self) -> int:
        """Different values, missing ones not counted."""
        return len(np.unique(self.values[~self.missing]))


def of_arrow(values: Any, *, name: str) -> Column:
    """A chunked array of Arrow. Refused where its type is neither number, text, truth value nor date."""
    found = values.type
    if pa.types.is_dictionary(found):
        found = found.value_type
        values = values.cast(found) if not _is_text(found) else values
    if _is_text(found):
        return _of_texts(values, name=name)
    if pa.types.is_boolean(found):
        codes = values.cast(pa.int64()).fill_null(-1).to_numpy()
        return Column(name, "bool", "category", codes, ("false", "true"))
    if pa.types.is_null(found):
        return Column(name, "empty", "empty", np.full(len(values), np.nan))
    if pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found):
        return Column(name, str(found), "number", _floats(values))
    if pa.types.is_date(found) or pa.types.is_timestamp(found) or pa.types.is_time(found):
        whole = values.cast(pa.int32() if found.bit_width == 32 else pa.int64())
        return Column(name, str(found), "date", _floats(whole))
    raise Refused(
        "file",
        message=f"the column {shown(name)} holds {str(found)[:60]}, which no model reads",
        mend="put the column in ignore, or flatten it into numbers",
    )


def of_array(values: NDArray[Any], *, name: str) -> Column:
    """A NumPy array of (rows,): numbers, texts, truth values or dates."""
    if values.dtype.kind == "M":
        numbers = np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))
        return Column(name, str(values.dtype), "date", numbers)
    if values.dtype.kind in "US":
        try:
            texts = pa.array(values.astype(str))
        except ValueError:  # bytes that are not ASCII, or numbers that are no letters
            raise _no_text(name) from None
        return _of_texts(pa.chunked_array([texts]), name=name)
    if values.dtype.kind == "b":
        return Column(name, "bool", "category", values.astype(np.int64), ("false", "true"))
    return Column(name, str(values.dtype), "number", values.astype(np.float64))


def _is_text(found: Any) -> bool:
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found))


def _floats(values: Any) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _of_texts(values: Any, *, name: str) -> Column:
    """Texts as positions among the sorted different ones, each known as trainer.packed.preprocessing knows it."""
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    whole = values.unify_dictionaries().combine_chunks()
    indices = _indices(whole)
    found = [category(text) for text in _dictionary(whole, name=name)]
    used = set(np.unique(indices[indices >= 0]).tolist())
    texts = sorted({text for index, text in enumerate(found) if text is not None and index in used})
    position = {text: code for code, text in enumerate(texts)}
    # One more at the end, for -1: a missing value.
    codes = np.array([*(-1 if text is None else position.get(text, -1) for text in found), -1], dtype=np.int64)
    return Column(name, "text", "category", codes[indices], tuple(texts))


def _dictionary(whole: Any, *, name: str) -> list[str | None]:
    arrays = whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]
    try:
        texts: list[str | None] = arrays[0].dictionary.to_pylist() if arrays else []
    except UnicodeDecodeError:
        raise _no_text(name) from None
    if any(text is not None and "\x00" in text for text in texts):
        raise _no_text(name)
    return texts


def _no_text(name: str) -> Refused:
    return Refused(
        "file",
        message=f"the column {shown(name)} holds bytes that are no text",
        mend="write it as UTF-8 text, or put the column in ignore",
    )


def _indices(whole: Any) -> NDArray[np.int64]:
    arrays = whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]
    found = [array.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False) for array in arrays]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
