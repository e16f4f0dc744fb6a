"""Statements for many rows at once, spelled out once: SQLAlchemy's way to each row costs more than the database's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import BaseModel
from sqlalchemy import JSON, Column, Connection, Dialect, Insert, Table, Update, bindparam, insert, update

Convert: TypeAlias = Callable[[Any], Any] | None


@dataclass(frozen=True)
class Prepared:
    """A statement as text. `places`: for each of its parameters the field of a record, and what makes a value of it."""

    text: str
    names: tuple[str, ...]
    places: tuple[tuple[str, Convert], ...]
    is_positional: bool

    def run(self, connection: Connection, *, records: Iterable[object]) -> None:
        """Runs it for each of the records, one at least, whose fields it names."""
        connection.exec_driver_sql(self.text, [self._row(vars(record)) for record in records])

    def _row(self, values: dict[str, Any]) -> Any:
        row = tuple([values[name] if convert is None else convert(values[name]) for name, convert in self.places])
        return row if self.is_positional else dict(zip(self.names, row, strict=True))


@lru_cache(maxsize=64)
def insertion(table: Table, *, dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    """Inserts rows with values for these columns; the database gives the others."""
    statement = insert(table).values({name: bindparam(name) for name in columns}).inline()
    return _prepared(statement, dialect=dialect, fields={name: table.c[name] for name in columns})


@lru_cache(maxsize=64)
def overwriting(table: Table, *, dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    """Writes these columns of the rows with the records' primary keys."""
    keys = [column.name for column in table.primary_key]
    fields = {f"the_{name}": table.c[name] for name in (*keys, *columns)}  # a column's own name is taken by its value
    same = [table.c[name] == bindparam(f"the_{name}") for name in keys]
    statement = update(table).where(*same).values({name: bindparam(f"the_{name}") for name in columns})
    return _prepared(statement, dialect=dialect, fields=fields)


def _prepared(statement: Insert | Update, *, dialect: Dialect, fields: dict[str, Column[Any]]) -> Prepared:
    compiled = statement.compile(dialect=dialect)
    names = tuple(compiled.positiontup or fields)
    places = tuple((fields[name].name, _converter(fields[name], dialect=dialect)) for name in names)
    return Prepared(str(compiled), names, places, is_positional=compiled.positiontup is not None)


def _converter(column: Column[Any], *, dialect: Dialect) -> Convert:
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    if not isinstance(column.type, JSON) or convert is None:
        return convert
    to_json = convert
    return lambda value: to_json(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return list(value) if isinstance(value, tuple) else value
