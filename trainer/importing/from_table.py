"""From a table (CSV, Parquet) to a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.importing.columns import Column
from trainer.importing.dataset import Dataset, described
from trainer.importing.features import Fitted, encoded, fitted
from trainer.importing.options import ImportOptions, RandomSplit
from trainer.importing.parts import parts_of
from trainer.importing.refused import Refused, listed, shown
from trainer.importing.request import ImportLimits
from trainer.importing.table import Table
from trainer.importing.target import target_of
from trainer.prepared import PARTS


def of_table(table: Table, *, options: ImportOptions, limits: ImportLimits, reading: Mapping[str, Any]) -> Dataset:
    """The data set in a table. Refused where the options do not fit it, or its content cannot be taken."""
    check_columns(table, options=options, limits=limits)
    assert options.target is not None
    column = table.column(options.target)
    target = target_of(column, task=options.task)
    roles = {options.target: described(column, role="target")}
    split, named = options.split, None
    if not isinstance(split, RandomSplit):
        named = table.column(split.column)
        roles[split.column] = described(named, role=split.kind)
    rows = parts_of(target, split=split, column=named)
    roles |= {name: _ignored(name, type_name=table.type_name(name)) for name in options.ignore}
    features = [
        _feature(table.column(name), train=rows["train"], options=options) for name in table.names if name not in roles
    ]
    _check_features(features, options=options)
    roles |= {feature.name: feature.entry for feature in features}
    return Dataset(
        x=_filled(table, features=features, rows=rows, limits=limits),
        rows=rows,
        target=target,
        inputs=_inputs(table, features=features),
        columns=[roles[name] for name in table.names],
        reading=reading,
        remarks=_remarks(table, features=features),
    )


def check_columns(table: Table, *, options: ImportOptions, limits: ImportLimits) -> None:
    """Refused where the options name columns that are not there, or one column for two things."""
    if table.num_rows == 0:
        raise Refused("file", message="the file has names of columns and no rows", mend="add rows")
    if table.num_rows * len(table.names) > limits.max_cells or len(table.names) > limits.max_columns:
        raise Refused(
            "file",
            message=f"the file has {table.num_rows} rows of {len(table.names)} columns; at most {limits.max_cells} "
            f"values in {limits.max_columns} columns are taken",
            mend="upload fewer rows or columns",
        )
    known = listed(table.names)
    if options.target is None:
        raise Refused("target", message="a table needs a target", mend=f"name the column to predict, one of {known}")
    split_name = None if isinstance(options.split, RandomSplit) else options.split.column
    unknown = [name for name in options.ignore if name not in table.names]
    if unknown:
        raise Refused("ignore", message=f"there is no column {listed(unknown)}", mend=f"the columns are {known}")
    for field, name in (("target", options.target), ("split.column", split_name)):
        if name is not None and name in options.ignore:
            raise Refused("ignore", message=f"{shown(name)} is the column of {field} too", mend="leave it out there")
        if name is not None and name not in table.names:
            raise Refused(field, message=f"there is no column {shown(name)}", mend=f"the columns are {known}")
    if split_name == options.target:
        raise Refused("split.column", message=f"{shown(split_name)} is the target too", mend="split by another column")


@dataclass(frozen=True)
class _Feature:
    """A column that may be learnt from; `missing` are the row numbers (from 0) without a value."""

    name: str
    fit: Fitted
    entry: dict[str, Any]
    missing: NDArray[Any]


def _feature(column: Column, *, train: NDArray[Any], options: ImportOptions) -> _Feature:
    fit = fitted(column, train=train, options=options)
    entry = described(column, role="constant" if fit.spec is None else "feature", done=fit.note)
    return _Feature(column.name, fit, entry, np.flatnonzero(column.missing))


def _check_features(features: list[_Feature], *, options: ImportOptions) -> None:
    learnt = [feature for feature in features if feature.fit.spec is not None]
    gaps = [feature for feature in learnt if len(feature.missing)]
    if gaps and options.missing == "refuse":
        said = [f"{shown(gap.name)} in {len(gap.missing)} rows (first in row {gap.missing[0] + 1})" for gap in gaps]
        more = f" and {len(said) - 3} columns more" if len(said) > 3 else ""
        raise Refused(
            "missing",
            message=f"values are missing: {', '.join(said[:3])}{more}",
            mend="fill them in, put the columns in ignore, or give missing=impute",
        )
    if not learnt:
        raise Refused(
            "file",
            message="no column is left to learn from: each is constant, empty, ignored, or the target",
            mend="add columns that differ from row to row",
        )


def _filled(
    table: Table, *, features: list[_Feature], rows: Mapping[str, NDArray[Any]], limits: ImportLimits
) -> dict[str, NDArray[np.float32]]:
    width = sum(feature.fit.width for feature in features)
    if width * table.num_rows > limits.max_cells or width > limits.max_columns:
        raise Refused(
            "file",
            message=f"one-hot it has {table.num_rows} rows of {width} numbers; at most {limits.max_cells} in all and "
            f"{limits.max_columns} in a row are taken",
            mend="put columns with many different texts in ignore, or upload fewer rows",
        )
    x = {part: np.empty((len(rows[part]), width), dtype=np.float32) for part in PARTS}
    start = 0
    for feature in features:
        if feature.fit.spec is not None:
            found = encoded(table.column(feature.name), spec=feature.fit.spec)
            for part in PARTS:
                x[part][:, start : start + feature.fit.width] = found[rows[part]]
            start += feature.fit.width
    return x


def _inputs(table: Table, *, features: list[_Feature]) -> dict[str, Any]:
    """How rows are encoded; `beside` are the columns of the file that no model reads, which rows may have too."""
    specs = [feature.fit.spec for feature in features if feature.fit.spec is not None]
    read = {spec["name"] for spec in specs}
    beside = [name for name in table.names if name not in read] + ([""] if table.num_nameless else [])
    return {"kind": "table", "columns": specs, "beside": beside}


def _ignored(name: str, *, type_name: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_name,
        "role": "ignored",
        "missing": None,
        "distinct": None,
        "done": "left out, as asked",
    }


def _remarks(table: Table, *, features: list[_Feature]) -> list[str]:
    remarks = []
    left_out = [feature.name for feature in features if feature.fit.spec is None]
    if left_out:
        remarks.append(f"Left out, since they are the same in every row of the training part: {listed(left_out)}.")
    if table.num_nameless:
        remarks.append(f"Left out: {table.num_nameless} columns without a name (the index of the rows, perhaps).")
    return remarks
