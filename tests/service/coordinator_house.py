"""A Coordinator on a database of its own and on a clock that the test moves."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Float, event, literal

from service.coordination.coordinator import Coordinator
from service.database.database import Database
from service.files import Files
from service.records import Epoch, Event, Sweep, Trial
from service.stores import epochs, events, sweeps, trials
from service.views import find_sweep
from sweeps.scheduler import Scheduler
from sweeps.states import TrialState

BEGIN = 1_700_000_000.0

SMALL = {
    "problem": {"dataset": "digits"},
    "sampler": {"kind": "random", "seed": 1},
    "pruner": {"kind": "none"},
    "budget": {"trials": 4, "epochs": 2},
}

TICK_SECONDS = 5.0


class ClockedDatabase(Database):
    """A database whose clock stands still until the test moves it; what it writes may be lost with the machine."""

    seconds = BEGIN

    def __init__(self, url: str) -> None:
        super().__init__(url)
        if self.is_sqlite:
            event.listen(self._writer, "connect", _hurry)

    def clock(self) -> ColumnElement[float]:
        """The time that the test set."""
        return literal(self.seconds, Float)


def _hurry(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class CoordinatorHouse:
    """The coordinator at work and what lies in its tables; `restart` puts another one in its place."""

    def __init__(
        self, folder: Path, *, database_url: str, make_scheduler: Callable[..., Scheduler] = Scheduler
    ) -> None:
        self.database = ClockedDatabase(database_url)
        self.files = Files(folder / "files")
        self._make_scheduler = make_scheduler
        self.coordinator = self.restart()

    def restart(self) -> Coordinator:
        """Another coordinator takes over, as after a kill -9."""
        self.coordinator = Coordinator(self.database, files=self.files, make_scheduler=self._make_scheduler)
        self.coordinator.open()
        return self.coordinator

    def create(self, *, trials: int = 4, epochs: int = 2, **spec: Any) -> str:
        """A small sweep: random, never pruned, without a first trial of its own unless the test names some."""
        budget = {"trials": trials, "epochs": epochs, "parallel": 16, **spec.pop("budget", {})}
        return self.coordinator.create({**SMALL, "first": [], **spec, "budget": budget}).id

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the coordinator is told every few seconds, or it would believe that the machine slept."""
        while seconds > 0:
            self.database.seconds += min(seconds, TICK_SECONDS)
            seconds -= TICK_SECONDS
            self.coordinator.tick()

    def sleep(self, seconds: float) -> None:
        """The machine is suspended for so long, and wakes."""
        self.database.seconds += seconds
        self.coordinator.tick()

    def sweep(self, sweep_id: str) -> Sweep:
        """The stored sweep."""
        with self.database.read() as connection:
            return find_sweep(connection, sweep_id)

    def trials(self, sweep_id: str) -> list[Trial]:
        """The stored trials."""
        with self.database.read() as connection:
            return trials.page(connection, sweep_id)

    def trial(self, sweep_id: str, number: int = 0) -> Trial:
        """One stored trial."""
        return self.trials(sweep_id)[number]

    def states(self, sweep_id: str) -> list[TrialState]:
        """The states of the stored trials."""
        return [trial.state for trial in self.trials(sweep_id)]

    def epochs(self, sweep_id: str, number: int = 0) -> list[Epoch]:
        """The stored epochs of a trial."""
        with self.database.read() as connection:
            return epochs.page(connection, sweep_id, number=number)

    def events(self, sweep_id: str) -> list[Event]:
        """The stored events of a sweep."""
        with self.database.read() as connection:
            return events.after(connection, 0, limit=100_000, sweep_id=sweep_id)

    def num_sweeps(self) -> int:
        """How many sweeps are stored."""
        with self.database.read() as connection:
            return len(sweeps.page(connection, before=None, states=(), limit=10_000))
