"""How a column is encoded: fitted on the rows of the training part alone."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.importing.columns import MOST_LETTERS, Column
from trainer.importing.numerals import are_numbers, decimal_comma, is_number
from trainer.importing.options import ImportOptions
from trainer.importing.refused import Refused, shown
from trainer.packed.preprocessing import one_hot, standardised

Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """`spec` is the column's entry in the preprocessing, None where it is left out; `note` says what was done."""

    spec: dict[str, Any] | None
    note: str

    @property
    def width(self) -> int:
        """How many numbers of a model's input the column becomes."""
        if self.spec is None:
            return 0
        return len(self.spec["values"]) if self.spec["kind"] == "category" else 1


def fitted(column: Column, *, train: Rows, options: ImportOptions) -> Fitted:
    """What the training rows say of a column. Refused where it cannot be encoded."""
    if column.kind == "empty" or column.missing[train].all():
        return Fitted(None, "left out: empty")
    if column.kind == "date":
        raise Refused(
            "ignore",
            message=f"the column {shown(column.name)} holds dates, which no model reads",
            mend=f"put it in ignore, or split by it: split=time, split_column={column.name[:100]}",
        )
    impute = options.missing == "impute"
    if column.kind == "category":
        return _category(column, train=train, impute=impute, max_categories=options.max_categories)
    return _number(column, train=train, impute=impute)


def encoded(column: Column, *, spec: dict[str, Any]) -> NDArray[np.float32]:
    """(rows, width), the same numbers as trainer.packed.preprocessing makes of the same values."""
    if spec["kind"] == "number":
        values = column.values if spec["fill"] is None else np.where(column.missing, spec["fill"], column.values)
        found = standardised(values, mean=spec["mean"], scale=spec["scale"])
        too_large = np.flatnonzero(~np.isfinite(found))
        if len(too_large):
            raise _too_large(column, row=int(too_large[0]) + 1)
        return found[:, None]
    position = {value: code for code, value in enumerate(spec["values"])}
    known = [position.get(text, -1) for text in column.texts]
    # One more at the end, for -1: a missing value.
    of_code = np.array([*known, position.get(spec["fill"], -1)], dtype=np.int64)
    return one_hot(of_code[column.values], num_values=len(position))


def _number(column: Column, *, train: Rows, impute: bool) -> Fitted:
    infinite = np.flatnonzero(np.isinf(column.values))
    if len(infinite):
        raise Refused(
            "file",
            message=f"the column {shown(column.name)} is infinite (or larger than any number) in row {infinite[0] + 1}",
            mend="give it a number, or put the column in ignore",
        )
    known = column.values[train][~column.missing[train]]
    if known.min() == known.max():
        return Fitted(None, f"left out: {known[0]:g} in every row of the training part")
    fill = float(np.median(known)) if impute else None
    filled = known if fill is None else np.where(column.missing[train], fill, column.values[train])
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(filled.mean()), float(filled.std())
    if not (np.isfinite(mean) and np.isfinite(scale) and scale > 0):
        raise _too_large(column, row=int(np.nanargmax(np.abs(column.values))) + 1)
    spec = {"name": column.name, "kind": "number", "fill": fill, "mean": mean, "scale": scale}
    return Fitted(spec, f"standardised: less {mean:g}, over {scale:g}{_imputed(fill)}")


def _category(column: Column, *, train: Rows, impute: bool, max_categories: int) -> Fitted:
    codes, counts = np.unique(column.values[train][~column.missing[train]], return_counts=True)
    values = [column.texts[code] for code in codes]
    if len(values) == 1:
        return Fitted(None, f"left out: {shown(values[0])} in every row of the training part")
    if max(map(len, values)) > MOST_LETTERS:
        raise Refused(
            "ignore",
            message=f"the column {shown(column.name)} holds texts of more than {MOST_LETTERS} letters",
            mend="put it in ignore",
        )
    if len(values) > max_categories:
        raise _too_many(column, num_values=len(values), max_categories=max_categories)
    fill = values[int(counts.argmax())] if impute else None
    spec = {"name": column.name, "kind": "category", "fill": fill, "values": values}
    return Fitted(spec, f"one-hot: {len(values)} values{_imputed(fill)}")


def _imputed(fill: float | str | None) -> str:
    if fill is None:
        return ""
    return f"; missing values become {shown(fill) if isinstance(fill, str) else format(fill, 'g')}"


def _too_many(column: Column, *, num_values: int, max_categories: int) -> Refused:
    if are_numbers(column.texts):
        code = next((code for code, text in enumerate(column.texts) if not is_number(text)), 0)
        row = int(np.flatnonzero(column.values == code)[0]) + 1
        return Refused(
            "file",
            message=f"the column {shown(column.name)} holds numbers, and {shown(column.texts[code])} in row {row}",
            mend="write a number or nothing there, or put the column in ignore",
        )
    return decimal_comma(column) or Refused(
        "max_categories",
        message=f"the column {shown(column.name)} has {num_values} different texts in the training part, more than "
        f"{max_categories}",
        mend="put it in ignore, or raise max_categories (at most 1000)",
    )


def _too_large(column: Column, *, row: int) -> Refused:
    return Refused(
        "file",
        message=f"the numbers of the column {shown(column.name)} are too large or too near to each other to be "
        f"standardised, see row {row}",
        mend="write them in another unit, or put the column in ignore",
    )
