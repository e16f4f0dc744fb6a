"""Data sets as a person reads them in a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table

from service.data_schemas import DatasetAnswer

MAX_COLUMNS = 50


def datasets_table(datasets: Iterable[DatasetAnswer]) -> Table:
    """Data sets, one row each."""
    table = Table("name", "task", "rows", "example", "classes", box=None, header_style="bold")
    for one in datasets:
        shape = "x".join(map(str, one.input_shape))
        table.add_row(one.name, one.task, str(sum(one.rows.values())), shape, str(one.num_classes or "-"))
    return table


def dataset_lines(dataset: DatasetAnswer) -> Iterator[str]:
    """What is known of a data set, line by line."""
    parts = ", ".join(f"{count} {part}" for part, count in dataset.rows.items())
    yield f"{dataset.name}: {dataset.task}, {sum(dataset.rows.values())} rows ({parts})"
    yield f"Examples: {' x '.join(map(str, dataset.input_shape))} numbers each"
    report = dataset.report or {}
    if classes := report.get("classes"):
        named = ", ".join(f"{one['name']} ({one['train']} to train on)" for one in classes[:MAX_COLUMNS])
        yield f"Classes: {named}{' and more' if len(classes) > MAX_COLUMNS else ''}"
    columns = report.get("columns", [])
    yield from map(_column_line, columns[:MAX_COLUMNS])
    if len(columns) > MAX_COLUMNS:
        yield f"  and {len(columns) - MAX_COLUMNS} more columns"
    for warning in dataset.warnings:
        yield f"Warning: {warning}"
    yield f"SHA-256: {dataset.sha256}"


def _column_line(column: dict[str, Any]) -> str:
    done = f"; {column['done']}" if column.get("done") else ""
    missing = f", {column['missing']} missing" if column.get("missing") is not None else ""
    return f"  {column['name']}: {column['type']}, {column['role']}{missing}{done}"
