"""The short tasks that wait for a worker or are with one. In memory: whoever asked asks again. No clock, no database.

A step works on a copy (`begun`), which takes the place of the board when the step is committed; only then do those
who asked hear of it (`told`). So a step that fails has never been.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from service.bell import Bell
from service.records import TrialKey, Worker
from trainer.task import Probe, Task, TaskBody, TaskResult

FOR_THE_IDLE_SECONDS = 1.0
"""So long a task waits for a worker that has nothing to train, where there is one."""

MAX_LOST = 10
"""Of what a sweep wants: so many workers may be lost with it before it is believed to be what ends them."""

MAX_TRIES = 3
"""Of what a sweep wants; a prediction is tried once."""

PROBE_TRIES = 2
"""Of a probe, lost workers counted: what it would tell is worth no more."""

PROBE_SECONDS = 60.0
"""So long a worker may take for a probe; then another one is asked."""


class Reply:
    """What who asked hears: first that a worker has the task, then its result. The bell rings with the result."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.begun = self.bell.count
        self.is_taken = False
        self.result: TaskResult | None = None


@dataclass(frozen=True)
class Ticket:
    """A task. `expires_at`: nobody waits for it any more, if no worker has taken it by then; None: never.

    `of` is the sweep that wants it, and the trial where it is of one; None where a user waits for the answer.
    """

    task: Task
    asked_at: float
    expires_at: float | None = None
    of: TrialKey | None = None
    worker: str | None = None
    handed_at: float = 0.0
    num_errors: int = 0
    num_lost: int = 0
    reply: Reply = field(default_factory=Reply)

    def is_lost(self, *, here: Collection[str], now: float) -> bool:
        """Whether the worker that has it is gone, or has had it for too long."""
        overdue = isinstance(self.task.body, Probe) and now - self.handed_at >= PROBE_SECONDS
        return self.worker is not None and (self.worker not in here or overdue)

    def why_given_up(self) -> str | None:
        """Why it is not tried again; None while it may be."""
        if isinstance(self.task.body, Probe) and self.num_lost + self.num_errors >= PROBE_TRIES:
            return f"a worker was lost while it had it, or had it for {PROBE_SECONDS:.0f} s"
        return f"{MAX_LOST} workers were lost while they had it" if self.num_lost >= MAX_LOST else None

    def is_tried_again(self, result: TaskResult) -> bool:
        """Whether what a sweep wants goes back after this error; `num_errors` counts it already."""
        num_tries = PROBE_TRIES - self.num_lost if isinstance(self.task.body, Probe) else MAX_TRIES
        return self.of is not None and result.value is None and self.num_errors < num_tries and not result.fault


class TaskBoard:
    """Tickets in the order of their coming. No id under `next_id` is given to a task. Times are a step's `now`."""

    def __init__(self, *, next_id: int = 1) -> None:
        self._next_id = next_id
        self._tickets: dict[int, Ticket] = {}
        self._ended: list[tuple[Ticket, TaskResult]] = []

    def begun(self) -> "TaskBoard":
        """A copy for one step."""
        copy = TaskBoard(next_id=self._next_id)
        copy._tickets = dict(self._tickets)
        return copy

    def told(self) -> "TaskBoard":
        """Tells all that the step decided; the board itself, for the next step."""
        for ticket in self._tickets.values():
            ticket.reply.is_taken = ticket.worker is not None
        for ticket, result in self._ended:
            ticket.reply.result = result
            ticket.reply.bell.ring()
        self._ended = []
        return self

    def add(self, body: TaskBody, *, now: float, seconds: float | None = None, of: TrialKey | None = None) -> Ticket:
        """A new task; with `seconds` it is dropped when no worker has taken it by then."""
        expires_at = None if seconds is None else now + seconds
        ticket = Ticket(Task(id=self._next_id, body=body), asked_at=now, expires_at=expires_at, of=of)
        self._tickets[ticket.task.id] = ticket
        self._next_id += 1
        return ticket

    def withdraw(self, sweep_id: str, *, only: type[TaskBody] | None = None) -> None:
        """Nobody wants the tasks of this sweep (of one kind `only`) any more."""
        self._tickets = {
            number: one
            for number, one in self._tickets.items()
            if one.of is None or one.of[0] != sweep_id or (only is not None and not isinstance(one.task.body, only))
        }

    def hand(self, worker: Worker, *, workers: Sequence[Worker], busy: Collection[str], now: float) -> tuple[Task, ...]:
        """The next task for this worker, if there is one: no worker has two.

        `workers` are all that may be handed something, `busy` the ids of those that have something to train.
        """
        may_be_handed = any(one.id == worker.id for one in workers)
        if not may_be_handed or any(one.worker == worker.id for one in self._tickets.values()):
            return ()
        idle = [one for one in workers if one.id not in busy]
        for ticket in sorted(self._tickets.values(), key=lambda one: one.of is not None):  # first what somebody awaits
            others = [one for one in idle if one.id != worker.id and one.can_train(ticket.task.body.problem)]
            waits = worker.id in busy and others and now - ticket.asked_at < FOR_THE_IDLE_SECONDS
            stale = ticket.expires_at is not None and now >= ticket.expires_at
            if ticket.worker is None and not (waits or stale) and worker.can_train(ticket.task.body.problem):
                self._tickets[ticket.task.id] = replace(ticket, worker=worker.id, handed_at=now)
                return (ticket.task,)
        return ()

    def end(self, results: Iterable[TaskResult], *, worker_id: str) -> list[tuple[Ticket, TaskResult]]:
        """Takes in what a worker says of its own tasks; answers the tickets that are over by that.

        What a sweep wants goes back when it failed, until its last try.
        """
        over = []
        for result in results:
            ticket = self._tickets.get(result.task)
            if ticket is None or ticket.worker != worker_id:
                continue
            ticket = replace(ticket, num_errors=ticket.num_errors + (result.value is None))
            if ticket.is_tried_again(result):
                self._tickets[result.task] = replace(ticket, worker=None)
                continue
            del self._tickets[result.task]
            over.append((ticket, result))
        self._ended += over
        return over

    def take_back(self, workers: Sequence[Worker], *, now: float) -> list[tuple[Ticket, TaskResult]]:
        """Tasks of workers that are not among these any more wait again; what nobody waits for is dropped.

        So do probes that their workers have for too long. Answers the tickets that are given up: lost too often.
        """
        here = {one.id for one in workers}
        lost = [one for one in self._tickets.values() if one.is_lost(here=here, now=now)]
        for ticket in lost:
            self._tickets[ticket.task.id] = replace(ticket, worker=None, num_lost=ticket.num_lost + 1)
        self._tickets = {
            number: one
            for number, one in self._tickets.items()
            if one.worker is not None or one.expires_at is None or now < one.expires_at
        }
        over = [
            (one, TaskResult(task=one.task.id, error=why))
            for one in self._tickets.values()
            if (why := one.why_given_up()) is not None
        ]
        for ticket, _ in over:
            del self._tickets[ticket.task.id]
        self._ended += over
        return over

    def tickets(self) -> list[Ticket]:
        """What waits for a worker or is with one."""
        return list(self._tickets.values())

    @property
    def waits(self) -> bool:
        """Whether a task waits for a worker."""
        return any(one.worker is None for one in self._tickets.values())
