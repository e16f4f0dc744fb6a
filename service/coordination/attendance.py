"""Which workers' leases run, and who of them may be handed what: counted once, until something of that changes."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.records import Worker
from service.stores import workers as worker_rows
from trainer.config import ProblemConfig


@dataclass(frozen=True)
class Crew:
    """The workers that may be handed trials of one problem, busy ones too."""

    workers: tuple[Worker, ...]
    num_slots: int


class Attendance:
    """Of these workers, at the time `now`. Of the records only what does not change with each request may be read."""

    def __init__(self, workers: Iterable[Worker], *, now: float) -> None:
        every = tuple(workers)
        here = [one for one in every if one.lease_until > now]
        self.silent = frozenset(one.id for one in every if one.lease_until <= now)
        self.working = tuple(one for one in here if one.state == worker_rows.ALIVE)
        self._crews: dict[str | None, Crew] = {}
        self._since, self._until = now, min((one.lease_until for one in here), default=float("inf"))

    def holds(self, now: float) -> bool:
        """Whether no lease can have ended since, with workers that are still the same."""
        return self._since <= now < self._until

    def crew(self, problem: ProblemConfig) -> Crew:
        """Who may be handed trials of this problem."""
        key = None if problem.plugin is None else problem.digest
        if key not in self._crews:
            able = tuple(one for one in self.working if one.can_train(problem))
            self._crews[key] = Crew(able, num_slots=sum(one.slots for one in able))
        return self._crews[key]


def stays_the_same(before: Worker, *, after: Worker, now: float) -> bool:
    """Whether a change of a worker leaves the attendance as it was: its lease ran, and runs on."""
    same = (before.state, before.problems) == (after.state, after.problems)
    return same and before.lease_until > now and after.lease_until >= before.lease_until
