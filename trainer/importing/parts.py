"""Which rows train, validate and test."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.dealing import Rows, dealt
from trainer.importing.columns import Column
from trainer.importing.options import ColumnSplit, GroupSplit, RandomSplit, Split, TimeSplit
from trainer.importing.refused import Refused, listed, shown
from trainer.importing.target import Target
from trainer.prepared import PARTS

SHARES = (0.6, 0.2, 0.2)
FEWEST_ROWS = 10
FEWEST_OF_A_CLASS = 5
FEWEST_IN_A_PART = 2

PART_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
        **dict.fromkeys(("test", "testing"), "test"),
    }
)


def parts_of(target: Target, *, split: Split, column: Column | None) -> dict[str, Rows]:
    """The row numbers (ascending, from 0) of the three parts; `column` is the one that the split names.

    Refused where a part would be empty, or a class not be in train.
    """
    if len(target.y) < FEWEST_ROWS:
        raise Refused(
            "file",
            message=f"there are {len(target.y)} rows, and three parts need at least {FEWEST_ROWS}",
            mend="add rows",
        )
    if isinstance(split, RandomSplit):
        parts = _at_random(target, seed=split.seed)
    else:
        assert column is not None
        parts = _by_column(column, split=split)
    check_given(parts, target=target)
    return parts


def _at_random(target: Target, *, seed: int) -> dict[str, Rows]:
    if target.classes:
        counts = np.bincount(target.y, minlength=len(target.classes))
        if counts.min() < FEWEST_OF_A_CLASS:
            raise _too_small_class(target, counts=counts)
    return dealt(target.y, seed=seed, stratified=bool(target.classes))


def _by_column(column: Column, *, split: GroupSplit | TimeSplit | ColumnSplit) -> dict[str, Rows]:
    _check_whole(column)
    if isinstance(split, GroupSplit):
        of_row = _by_group(column)
    elif isinstance(split, TimeSplit):
        of_row = _by_time(column)
    else:
        of_row = _by_name(column)
    return {name: np.flatnonzero(of_row == number) for number, name in enumerate(PARTS)}


def _by_group(column: Column) -> Rows:
    """The largest group first, each to the part that has the least of its share; equally large ones as sorted."""
    _, group_of_row, sizes = np.unique(column.values, return_inverse=True, return_counts=True)
    part_of_group = np.zeros(len(sizes), dtype=np.int64)
    filled = [0.0] * len(SHARES)
    for group in np.argsort(-sizes, kind="stable"):
        part = filled.index(min(filled))
        part_of_group[group] = part
        filled[part] += sizes[group] / SHARES[part]
    return part_of_group[group_of_row]


def _by_time(column: Column) -> Rows:
    if column.kind == "category":
        raise Refused(
            "split.column",
            message=f"the column {shown(column.name)} holds texts, which have no order in time",
            mend="write dates as 2026-01-31 or 2026-01-31 12:00:00, or numbers",
        )
    _, time_of_row, counts = np.unique(column.values, return_inverse=True, return_counts=True)
    # A time belongs where the middle of its rows lies.
    middle = (np.cumsum(counts) - counts / 2) / len(column.values)
    part_of_time = np.searchsorted(np.cumsum(SHARES)[:2], middle)
    rows: Rows = part_of_time[time_of_row].astype(np.int64)
    return rows


def _by_name(column: Column) -> Rows:
    strange = [text for text in column.texts if text.lower() not in PART_NAMES]
    if column.kind != "category" or strange:
        found = listed(strange) if strange else column.type
        raise Refused(
            "split.column",
            message=f"the column {shown(column.name)} holds {found}, which names no part of the data",
            mend="write train, validation or test in every row, or choose another kind of split",
        )
    of_text = np.array([PARTS.index(PART_NAMES[text.lower()]) for text in column.texts], dtype=np.int64)
    rows: Rows = of_text[column.values]
    return rows


def _check_whole(column: Column) -> None:
    rows = np.flatnonzero(column.missing)
    if len(rows):
        raise Refused(
            "split.column",
            message=f"the column {shown(column.name)} is missing in {len(rows)} rows, the first is row {rows[0] + 1}",
            mend="fill it in: the split needs it in every row",
        )


def check_given(parts: Mapping[str, Rows], *, target: Target) -> None:
    """Refused where parts are too small, or a class is not in train: no model can learn it."""
    counts = {name: len(rows) for name, rows in parts.items()}
    if min(counts.values()) < FEWEST_IN_A_PART:
        said = ", ".join(f"{number} in {name}" for name, number in counts.items())
        raise Refused(
            "split",
            message=f"of the rows are {said}, and every part needs at least {FEWEST_IN_A_PART}",
            mend="add rows, or choose another column or kind of split",
        )
    trained = np.unique(target.y[parts["train"]])
    absent = [str(name) for number, name in enumerate(target.classes) if number not in trained]
    if absent:
        raise Refused(
            "split",
            message=f"no row of the training part is of the class {listed(absent)}",
            mend="split so that every class is in train, or leave its rows out",
        )
    if not target.classes and np.ptp(target.y[parts["train"]]) == 0:  # its deviation may be rounded to more
        raise Refused(
            "split",
            message=f"the target {shown(target.name)} is the same in every row of the training part",
            mend="split otherwise, or name another target",
        )


def _too_small_class(target: Target, *, counts: NDArray[Any]) -> Refused:
    small = [str(target.classes[index]) for index in np.flatnonzero(counts < FEWEST_OF_A_CLASS)]
    return Refused(
        "target",
        message=f"{len(small)} of the {len(counts)} classes of {shown(target.name)} have fewer than "
        f"{FEWEST_OF_A_CLASS} rows: {listed(small)}; every part of the data needs some",
        mend="add rows or leave them out; give task=regression if the target is a number; or name another target",
    )
