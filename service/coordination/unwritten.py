"""What a step has changed and not yet written to the tables."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from service.records import Epoch, Event
from service.stores import epochs as epoch_rows
from service.stores import events as event_rows
from service.stores import rows
from service.tables import attempt, sweep, trial, worker

TABLES = {"sweep": sweep, "trial": trial, "attempt": attempt, "worker": worker}


class Unwritten:
    """New and changed records by table and key (the latest of each), epochs and events in their order."""

    def __init__(self) -> None:
        self._new: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self._changed: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self.epochs: list[Epoch] = []
        self.events: list[Event] = []

    def add(self, table: str, *, key: object, record: object) -> None:
        """A record that has no row yet."""
        self._new[table][key] = record

    def change(self, table: str, *, key: object, record: object) -> None:
        """A record that differs from its row."""
        place = self._new if key in self._new[table] else self._changed
        place[table][key] = record

    def touched(self, table: str) -> Iterable[tuple[Any, Any]]:
        """The new and changed records of a table, with their keys."""
        return [*self._new[table].items(), *self._changed[table].items()]

    def __bool__(self) -> bool:
        return bool(self.events or self.epochs or any(self._new.values()) or any(self._changed.values()))

    def write(self, connection: Connection) -> None:
        """Writes all of it."""
        for name, table in TABLES.items():
            rows.insert_all(connection, table, records=self._new[name].values())
            rows.update_all(connection, table, records=self._changed[name].values())
        epoch_rows.add(connection, self.epochs)
        event_rows.add(connection, self.events)
