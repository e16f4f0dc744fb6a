"""Whole records written to their tables, many in one statement."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, Table, bindparam, insert, update


def insert_all(connection: Connection, table: Table, *, records: Iterable[object]) -> None:
    """Inserts records whose fields are named as the table's columns."""
    if rows := [_row(record) for record in records]:
        connection.execute(insert(table), rows)


def update_all(connection: Connection, table: Table, *, records: Iterable[object]) -> None:
    """Writes records over the rows of the same primary keys."""
    rows = [{f"the_{name}": value for name, value in _row(record).items()} for record in records]
    if not rows:
        return
    keys = {column.name for column in table.primary_key}
    same = [table.c[name] == bindparam(f"the_{name}") for name in keys]
    rest = {column.name: bindparam(f"the_{column.name}") for column in table.columns if column.name not in keys}
    connection.execute(update(table).where(*same).values(**rest), rows)


def _row(record: object) -> dict[str, Any]:
    return {name: _plain(value) for name, value in vars(record).items()}


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return list(value) if isinstance(value, tuple) else value
