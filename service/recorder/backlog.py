"""Which runs have something to be copied, and up to which event all was copied. Pure bookkeeping."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from service.records import Event
from service.stores.events import DELETED, WITH_RUNS
from service.stores.runs import PARENT
from sweeps.states import FINAL_SWEEP_STATES, FINAL_TRIAL_STATES

Key: TypeAlias = tuple[str, int]
"""A run: the sweep and the number of the trial, or PARENT."""

SECONDS_BETWEEN = 2.0
_FINAL = {state.value for state in FINAL_SWEEP_STATES} | {state.value for state in FINAL_TRIAL_STATES}


@dataclass
class Waiting:
    """What happened to a run since it was copied last. `improvements`: trials that became the sweep's best."""

    first_event: int
    ended: bool = False
    improvements: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Deletion:
    """A sweep that is gone."""

    event: int
    with_runs: bool


class Backlog:
    """Events come in, runs that are due go out. A run is due when it ends, else every SECONDS_BETWEEN at most."""

    def __init__(self, *, place: int) -> None:
        self.read_to = place
        self.deletions: dict[str, Deletion] = {}
        self._waiting: dict[Key, Waiting] = {}
        self._copied_at: dict[Key, float] = {}
        self._begun: set[str] = set()  # sweeps whose parent was due once: no trial's run is made before its parent's

    @property
    def place(self) -> int:
        """The id up to which nothing waits any more."""
        first = [one.first_event for one in self._waiting.values()] + [one.event for one in self.deletions.values()]
        return min(first, default=self.read_to + 1) - 1

    def add(self, new: Sequence[Event]) -> None:
        """Takes in the next events."""
        for event in new:
            self.read_to = event.id
            if event.kind == DELETED:
                self.deletions[event.sweep_id] = Deletion(event.id, with_runs=event.state == WITH_RUNS)
            else:
                self._add(event)

    def again(self, key: Key) -> None:
        """All of a run is to be copied again."""
        self._begun.add(key[0])
        self._waiting.setdefault((key[0], PARENT), Waiting(self.place + 1))
        self._waiting.setdefault(key, Waiting(self.place + 1))
        self._copied_at.pop(key, None)

    def due(self, *, now: float, limit: int, hurry: bool) -> dict[Key, Waiting]:
        """What is to be copied now, at most `limit` runs; `hurry`: whenever it was copied last."""
        found: dict[Key, Waiting] = {}
        for key, waiting in self._waiting.items():
            if hurry or waiting.ended or now - self._copied_at.get(key, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
                found[key] = waiting
            if len(found) == limit:
                break
        return found

    def copied(self, key: Key, *, now: float) -> bool:
        """All that waited for this run was copied. Says whether it has ended: nothing more is expected of it."""
        ended = self._waiting.pop(key).ended
        if ended:
            self._copied_at.pop(key, None)
        else:
            self._copied_at[key] = now
        return ended

    def forget(self, sweep_id: str) -> None:
        """Nothing of a sweep is copied any more."""
        self.deletions.pop(sweep_id, None)
        self._begun.discard(sweep_id)
        for kept in (self._waiting, self._copied_at):
            for key in [key for key in kept if key[0] == sweep_id]:
                del kept[key]

    def _add(self, event: Event) -> None:
        if event.sweep_id not in self._begun:
            self._begun.add(event.sweep_id)
            self._waiting.setdefault((event.sweep_id, PARENT), Waiting(event.id))
        of_trial = event.kind in ("trial.state", "epoch") and event.number is not None
        key = (event.sweep_id, event.number if of_trial and event.number is not None else PARENT)
        waiting = self._waiting.setdefault(key, Waiting(event.id))
        if event.kind == "best" and event.number is not None:
            waiting.improvements.append(event.number)
        if event.kind in ("trial.state", "sweep.state"):
            waiting.ended = event.state in _FINAL
