"""What is to be predicted: classes or a number."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.importing.columns import MOST_LETTERS, Column
from trainer.importing.numerals import decimal_comma
from trainer.importing.options import UploadTask
from trainer.importing.refused import Refused, shown

MOST_CLASSES = 1000
MOST_GUESSED_CLASSES = 20
_ROWS_PER_GUESSED_CLASS = 5


@dataclass(frozen=True)
class Target:
    """`y` is (rows,): int64 positions in `classes` (texts or whole numbers), or float64 numbers where none are."""

    name: str
    task: UploadTask
    y: NDArray[Any]
    classes: tuple[str | int, ...] = ()


def target_of(column: Column, *, task: UploadTask | None) -> Target:
    """The target in a column. Refused where a value is missing, or there is nothing to predict."""
    _check_whole(column)
    if column.kind == "category" and task != "classification" and (wrong := decimal_comma(column)):
        raise wrong
    chosen = task or guessed_task(column)
    if chosen == "classification":
        return _classes(column)
    if column.kind != "number":
        raise Refused(
            "task",
            message=f"the target {shown(column.name)} holds {column.type}, and regression needs numbers",
            mend="give task=classification, or name another target",
        )
    if column.num_distinct < 2:
        raise _constant(column)
    return Target(column.name, "regression", column.values)


def guessed_task(column: Column) -> UploadTask:
    """Classes for texts and truth values, and for at most twenty different whole numbers with five rows to each."""
    if column.kind == "category":
        return "classification"
    found = np.unique(column.values)
    most = min(MOST_GUESSED_CLASSES, len(column.values) // _ROWS_PER_GUESSED_CLASS)
    return "classification" if len(found) <= most and bool((found == np.round(found)).all()) else "regression"


def _classes(column: Column) -> Target:
    names, y = np.unique(column.values, return_inverse=True)
    if len(names) < 2:
        raise _constant(column)
    if len(names) > MOST_CLASSES:
        raise Refused(
            "target",
            message=f"the target {shown(column.name)} has {len(names)} classes, more than {MOST_CLASSES}",
            mend="give task=regression if it is a number, or name another target",
        )
    if column.kind == "category":
        if max(len(column.texts[code]) for code in names) > MOST_LETTERS:
            raise Refused(
                "target",
                message=f"the target {shown(column.name)} has classes of more than {MOST_LETTERS} letters",
                mend="give the classes short names, or name another target",
            )
        classes: tuple[str | int, ...] = tuple(column.texts[code] for code in names)
    elif (names == np.round(names)).all():
        classes = tuple(int(name) for name in names)
    else:
        raise Refused(
            "task",
            message=f"the target {shown(column.name)} holds numbers that are not whole, such as "
            f"{names[names != np.round(names)][0]:g}: no classes",
            mend="give task=regression, or name another target",
        )
    return Target(column.name, "classification", y.astype(np.int64), classes)


def _check_whole(column: Column) -> None:
    if column.kind == "date":
        raise Refused(
            "target", message=f"the column {shown(column.name)} holds dates", mend="name a target of numbers or classes"
        )
    rows = np.flatnonzero(column.missing)
    if len(rows):
        raise Refused(
            "target",
            message=f"the target {shown(column.name)} is missing in {len(rows)} rows, the first is row {rows[0] + 1}",
            mend="leave these rows out of the file: a target is never imputed",
        )
    if column.kind == "number" and not np.isfinite(column.values).all():
        row = int(np.flatnonzero(~np.isfinite(column.values))[0]) + 1
        raise Refused(
            "target",
            message=f"the target {shown(column.name)} is infinite in row {row}",
            mend="give it a number, or leave the row out",
        )


def _constant(column: Column) -> Refused:
    value = column.texts[column.values[0]] if column.kind == "category" else f"{column.values[0]:g}"
    return Refused(
        "target",
        message=f"the target {shown(column.name)} is {shown(value)} in every row: there is nothing to predict",
        mend="name another target, or add rows with other values",
    )
