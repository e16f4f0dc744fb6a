"""Whole records written to their tables, many in one statement."""

from collections.abc import Collection
from functools import cache

from sqlalchemy import Connection, Table

from service.stores.prepared import insertion, overwriting

UNCHANGING = frozenset({"spec", "settings", "created_at"})
"""Columns that keep what they were inserted with: writing them again would cost the most."""


def insert_all(
    connection: Connection, table: Table, *, records: Collection[object], given: frozenset[str] = frozenset()
) -> None:
    """Inserts records whose fields are named as the table's columns; those in `given` the database gives by itself."""
    if records:
        columns = _all_but(given, table=table)
        insertion(table, dialect=connection.dialect, columns=columns).run(connection, records=records)


def update_all(
    connection: Connection, table: Table, *, records: Collection[object], columns: Collection[str] | None = None
) -> None:
    """Writes records, or these columns of them, over the rows of the same primary keys."""
    if records:
        known = _all_but(UNCHANGING | frozenset(table.primary_key.columns.keys()), table=table)
        changing = known if columns is None else tuple(name for name in known if name in columns)
        overwriting(table, dialect=connection.dialect, columns=changing).run(connection, records=records)


@cache
def _all_but(left_out: frozenset[str], *, table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.columns.keys() if name not in left_out)
