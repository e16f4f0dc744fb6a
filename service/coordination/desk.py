"""All that is under way, at hand: the sweeps that are not final, their open trials and attempts, the workers.

The desk is a copy of the tables' rows, never a truth of its own: a step changes records on the desk, `flush` writes
what changed in the same transaction, and after a transaction that failed the desk is thrown away and read again.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from service.coordination.attendance import Attendance, stays_the_same
from service.coordination.changing import changed
from service.coordination.groups import Groups
from service.coordination.labels import attempt_labels, trial_labels
from service.coordination.search import Search
from service.coordination.share import Service
from service.coordination.shelf import Shelf
from service.coordination.tasks import TaskBoard
from service.coordination.unwritten import Unwritten
from service.engine_records import GroupEngine
from service.records import Attempt, Epoch, Event, Sweep, Trial, TrialKey, Worker
from service.stores import attempts as attempt_rows
from service.stores import workers as worker_rows
from sweeps.states import FINAL_SWEEP_STATES, FINAL_TRIAL_STATES, TrialState


@dataclass
class Desk:
    """What is under way. `now` is the time of the step on the database's clock."""

    make_search: Callable[..., Search]
    now: float = 0.0
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    searches: dict[str, Search] = field(default_factory=dict)
    groups: dict[str, Groups] = field(default_factory=dict)
    trials: Shelf[TrialKey, Trial] = field(default_factory=lambda: Shelf(trial_labels))
    values: dict[TrialKey, dict[int, float | None]] = field(default_factory=dict)
    last_epoch_at: dict[TrialKey, float] = field(default_factory=dict)
    attempts: Shelf[int, Attempt] = field(default_factory=lambda: Shelf(attempt_labels))
    workers: dict[str, Worker] = field(default_factory=dict)
    service: dict[str, Service] = field(default_factory=lambda: defaultdict(Service))
    num_trials: dict[str, int] = field(default_factory=dict)
    best_values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    exhausted: set[str] = field(default_factory=set)
    tried: dict[TrialKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    suspects: set[TrialKey] = field(default_factory=set)
    passed_over: set[TrialKey] = field(default_factory=set)
    next_attempt: int = 1
    next_position: int = 1
    has_work: bool = False
    garbage: list[str] = field(default_factory=list)
    to_export: set[str] = field(default_factory=set)
    board: TaskBoard = field(default_factory=TaskBoard)
    _unwritten: Unwritten = field(default_factory=Unwritten)
    _attendance: Attendance | None = None

    def add_sweep(self, new: Sweep) -> Sweep:
        """A new sweep; its position is given here."""
        new = replace(new, position=self.next_position)
        self.next_position += 1
        self.sweeps[new.id] = new
        self.num_trials[new.id] = 0
        self.searches[new.id] = self.make_search(new.spec, records=(), study_attrs=new.study_attrs)
        self.groups[new.id] = Groups(new.spec)
        self._unwritten.add("sweep", key=new.id, record=new)
        return new

    def change_sweep(self, sweep_id: str, **values: Any) -> Sweep:
        """A sweep with some fields changed; a change of state is an event."""
        before = self.sweeps[sweep_id]
        after = changed(before, values=values)
        self.sweeps[sweep_id] = after
        self._unwritten.change("sweep", key=sweep_id, record=after)
        if before.state != after.state:
            self.log(sweep_id, kind="sweep.state", state=after.state)
            self.has_work = True
        return after

    def add_trial(self, new: Trial) -> Trial:
        """A new trial."""
        self.trials.put(new.key, record=new)
        self.values[new.key] = {}
        self.num_trials[new.sweep_id] += 1
        self._unwritten.add("trial", key=new.key, record=new)
        self.log(new.sweep_id, kind="trial.state", number=new.number, state=new.state)
        self.has_work = True
        return new

    def change_trial(self, key: TrialKey, **values: Any) -> Trial:
        """An open trial with some fields changed; a change of state is an event."""
        before = self.trials[key]
        after = changed(before, values=values)
        self.trials.put(key, record=after)
        self._unwritten.change_trial(key, record=after, columns=values)
        if before.checkpoint is not None and before.checkpoint != after.checkpoint:
            self.garbage.append(before.checkpoint.sha256)
        if before.state != after.state:
            self.log(key[0], kind="trial.state", number=key[1], state=after.state)
            self.has_work = True
        return after

    def add_attempt(self, new: Attempt) -> Attempt:
        """A new attempt, whose id is `next_attempt`."""
        self.attempts.put(new.id, record=new)
        self.next_attempt = new.id + 1
        self._unwritten.add("attempt", key=new.id, record=new)
        return new

    def change_attempt(self, attempt_id: int, **values: Any) -> Attempt:
        """An open attempt with some fields changed."""
        after = changed(self.attempts[attempt_id], values=values)
        self.attempts.put(attempt_id, record=after)
        self._unwritten.change("attempt", key=attempt_id, record=after)
        return after

    def advance_attempt(self, before: Attempt, *, seconds: float) -> None:
        """An attempt has trained for so long. Its worker says so again and again: its row hears of it each second."""
        after = changed(before, values={"seconds": seconds})
        self.attempts.put(after.id, record=after)
        if int(seconds) > int(before.seconds):
            self._unwritten.change("attempt", key=after.id, record=after)

    def add_engine(self, chosen: GroupEngine) -> None:
        """The engine of a group of a sweep."""
        self.groups[chosen.sweep_id].decide(chosen)
        self._unwritten.add("engines", key=(chosen.sweep_id, chosen.group_id), record=chosen)

    def add_worker(self, new: Worker) -> None:
        """A worker that said hello."""
        self.workers[new.id] = new
        self._attendance = None
        self._unwritten.add("worker", key=new.id, record=new)

    def change_worker(self, worker_id: str, **values: Any) -> Worker:
        """A worker with some fields changed."""
        before = self.workers[worker_id]
        after = changed(before, values=values)
        self.workers[worker_id] = after
        if not stays_the_same(before, after=after, now=self.now):
            self._attendance = None
        self._unwritten.change("worker", key=worker_id, record=after)
        return after

    def add_epoch(self, new: Epoch) -> None:
        """A new epoch of an open trial."""
        self._unwritten.epochs.append(new)
        key = (new.sweep_id, new.number)
        self.last_epoch_at[key] = new.at
        self.groups[new.sweep_id].has_report = True
        self.values[key][new.epoch] = new.metrics.get(self.sweeps[new.sweep_id].spec.goal_metric.name)
        self.log(new.sweep_id, kind="epoch", number=new.number, epoch=new.epoch)

    def log(
        self, sweep_id: str, *, kind: str, number: int | None = None, epoch: int | None = None, state: str | None = None
    ) -> None:
        """Appends an event."""
        self._unwritten.events.append(Event(0, sweep_id, kind, number, epoch, state, self.now))

    def open_trials(self, sweep_id: str, *states: TrialState) -> list[Trial]:
        """The trials of a sweep in one of these states, which are not final, by number."""
        found = [one for state in states for one in self.trials.under((sweep_id, state))]
        return sorted(found, key=lambda one: one.number)

    def open_trial(self, key: TrialKey) -> Trial | None:
        """The trial, unless it is final (or was never here)."""
        trial = self.trials.get(key)
        return None if trial is None or trial.state in FINAL_TRIAL_STATES else trial

    def num_open(self, sweep_id: str, *states: TrialState) -> int:
        """How many trials of a sweep are in one of these states, which are not final."""
        return self.trials.num_under(*((sweep_id, state) for state in states))

    def held(self, sweep_id: str) -> list[Attempt]:
        """The attempts of a sweep that have not ended."""
        return self.attempts.under(("sweep", sweep_id))

    def attempt_of(self, key: TrialKey) -> Attempt | None:
        """The attempt of a trial that has not ended."""
        return next(iter(self.attempts.under(("trial", key))), None)

    def of_worker(self, worker_id: str) -> list[Attempt]:
        """The attempts in the hands of a worker."""
        return self.attempts.under(("worker", worker_id))

    def attendance(self) -> Attendance:
        """Who of the workers is here now."""
        if self._attendance is None or not self._attendance.holds(self.now):
            self._attendance = Attendance(self.workers.values(), now=self.now)
        return self._attendance

    def num_events(self) -> int:
        """How many events this step appended."""
        return len(self._unwritten.events)

    def is_clean(self) -> bool:
        """Whether this step has changed nothing so far."""
        return not self._unwritten

    def flush(self, connection: Connection) -> None:
        """Writes all that changed, and takes off the desk what has become final."""
        self._unwritten.write(connection)
        self._forget_final()
        self._unwritten = Unwritten()

    def _forget_final(self) -> None:
        for key in [key for key, one in self._unwritten.touched("trial") if one.state in FINAL_TRIAL_STATES]:
            self._drop_trial(key)
        for key in [key for key, one in self._unwritten.touched("attempt") if one.state == attempt_rows.ENDED]:
            self.attempts.drop(key)
        for key in [key for key, one in self._unwritten.touched("worker") if one.state == worker_rows.GONE]:
            self.workers.pop(key, None)
            self._attendance = None
        for key in [key for key, one in self._unwritten.touched("sweep") if one.state in FINAL_SWEEP_STATES]:
            self.sweeps.pop(key, None)
            self.searches.pop(key, None)
            self.groups.pop(key, None)
            self.service.pop(key, None)
            self.num_trials.pop(key, None)
            self.best_values.pop(key, None)
            self.exhausted.discard(key)

    def _drop_trial(self, key: TrialKey) -> None:
        self.trials.drop(key)
        self.values.pop(key, None)
        self.last_epoch_at.pop(key, None)
        self.tried.pop(key, None)
        self.suspects.discard(key)
        self.passed_over.discard(key)
