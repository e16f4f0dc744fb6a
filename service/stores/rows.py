"""Whole records written to their tables, many in one statement."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, Insert, Table, Update, bindparam, insert, update

UNCHANGING = frozenset({"spec", "settings", "created_at"})
"""Columns that keep what they were inserted with: writing them again would cost the most."""


def insert_all(connection: Connection, table: Table, *, records: Iterable[object]) -> None:
    """Inserts records whose fields are named as the table's columns."""
    if rows := [{name: _plain(value) for name, value in vars(record).items()} for record in records]:
        connection.execute(_insert(table), rows)


def update_all(connection: Connection, table: Table, *, records: Iterable[object]) -> None:
    """Writes records over the rows of the same primary keys."""
    rows = [
        {f"the_{name}": _plain(value) for name, value in vars(record).items() if name not in UNCHANGING}
        for record in records
    ]
    if rows:
        connection.execute(_update(table), rows)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update(table: Table) -> Update:
    keys = {column.name for column in table.primary_key}
    same = [table.c[name] == bindparam(f"the_{name}") for name in keys]
    rest: dict[str, Any] = {
        column.name: bindparam(f"the_{column.name}") for column in table.columns if column.name not in keys | UNCHANGING
    }
    return update(table).where(*same).values(**rest)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return list(value) if isinstance(value, tuple) else value
