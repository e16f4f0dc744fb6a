"""What a step has changed and not yet written to the tables."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from service.records import Epoch, Event, Trial, TrialKey
from service.stores import epochs as epoch_rows
from service.stores import events as event_rows
from service.stores import rows
from service.tables import attempt, engines, sweep, trial, worker

TABLES = {"sweep": sweep, "trial": trial, "attempt": attempt, "worker": worker, "engines": engines}

BY_AN_EPOCH = frozenset({"num_epochs", "value", "best_epoch"})


class Unwritten:
    """New and changed records by table and key (the latest of each), epochs and events in their order."""

    def __init__(self) -> None:
        self._new: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self._changed: dict[str, dict[Any, Any]] = {name: {} for name in TABLES}
        self._trials: dict[TrialKey, set[str]] = defaultdict(set)  # which columns of a trial changed
        self.epochs: list[Epoch] = []
        self.events: list[Event] = []

    def add(self, table: str, *, key: object, record: object) -> None:
        """A record that has no row yet."""
        self._new[table][key] = record

    def change(self, table: str, *, key: object, record: object) -> None:
        """A record that differs from its row."""
        place = self._new if key in self._new[table] else self._changed
        place[table][key] = record

    def change_trial(self, key: TrialKey, *, record: Trial, columns: Iterable[str]) -> None:
        """A trial that differs from its row in these columns, and in those said before."""
        self.change("trial", key=key, record=record)
        self._trials[key].update(columns)

    def touched(self, table: str) -> Iterable[tuple[Any, Any]]:
        """The new and changed records of a table, with their keys."""
        return [*self._new[table].items(), *self._changed[table].items()]

    def __bool__(self) -> bool:
        return bool(self.events or self.epochs or any(self._new.values()) or any(self._changed.values()))

    def write(self, connection: Connection) -> None:
        """Writes all of it."""
        for name, table in TABLES.items():
            rows.insert_all(connection, table, records=self._new[name].values())
            if name != "trial":
                rows.update_all(connection, table, records=self._changed[name].values())
        self._write_trials(connection)
        epoch_rows.add(connection, self.epochs)
        event_rows.add(connection, self.events)

    def _write_trials(self, connection: Connection) -> None:
        """Most of them have only come on by an epoch: all else that is known of them is written when it changes."""
        every = self._changed["trial"].items()
        advanced = [one for key, one in every if self._trials[key] <= BY_AN_EPOCH]
        rows.update_all(connection, trial, records=advanced, columns=BY_AN_EPOCH)
        rows.update_all(connection, trial, records=[one for key, one in every if not self._trials[key] <= BY_AN_EPOCH])
