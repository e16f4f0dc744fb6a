"""The attempts that a worker has in hand, and how far each has come."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.protocol import InHand
from trainer.config import Assignment, Limits


@dataclass
class Held:
    """One attempt in hand.

    given: the living child has it. taken: it is in a slot. started: it made a step. last: its last report was said and
    the verdict is awaited. ended: its ending was said (and may still wait for its file). lacks_file: its checkpoint or
    data are still being fetched. pause_epoch: the epoch of a PAUSE verdict. seconds: training time at the monotonic
    `timed_at`.
    """

    assignment: Assignment
    given: bool = False
    taken: bool = False
    started: bool = False
    last: bool = False
    ended: bool = False
    lacks_file: bool = False
    pause_epoch: int | None = None
    seconds: float = 0.0
    timed_at: float = 0.0

    @property
    def training(self) -> bool:
        """In a slot, and not through."""
        return self.taken and not self.through

    @property
    def through(self) -> bool:
        """It needs its slot no more."""
        return self.last or self.ended

    @property
    def company(self) -> str:
        """With whom it may share a child: a sweep with a memory limit only with itself, the others with each other."""
        return f"sweep {self.assignment.sweep}" if self.assignment.limits.memory_mb is not None else "any"

    @property
    def advances(self) -> bool:
        """Its training time goes on."""
        return self.started and not self.through

    def seconds_now(self, now: float, *, share: float = 1.0) -> float:
        """Training time so far; `now` is monotonic, and `share` is how much of the child's time this row gets."""
        return self.seconds + (share * max(0.0, now - self.timed_at) if self.advances else 0.0)

    def time(self, *, seconds: float, now: float) -> None:
        """Its training time now."""
        self.seconds, self.timed_at = seconds, now


class Hand:
    """All attempts in hand, in the order in which they came.

    A quarter as many as there are slots are wanted ahead, one at least: rows that end are refilled from these until the
    next answer comes. What shall run alone leaves no room for more than one ahead.
    """

    def __init__(self, *, slots: int) -> None:
        self._slots = slots
        self._held: dict[int, Held] = {}
        self._weights_due: set[int] = set()

    def __iter__(self) -> Iterator[Held]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def get(self, attempt: int) -> Held | None:
        """The attempt, if it is in hand."""
        return self._held.get(attempt)

    @property
    def num_free(self) -> int:
        """Slots that nothing in hand will fill."""
        return max(0, self._num_slots() - self._num_open())

    @property
    def num_wanted(self) -> int:
        """Assignments that fit, the ones ahead included."""
        slots = self._num_slots()
        return max(0, slots + max(1, slots // 4) - self._num_open())

    @property
    def num_training(self) -> int:
        """How many are in their slots."""
        return sum(held.training for held in self)

    @property
    def has_ahead(self) -> bool:
        """Something waits for the next slot that becomes free."""
        return any(not (held.taken or held.through) for held in self)

    def add(self, assignments: Iterable[Assignment]) -> None:
        """Takes assignments into hand."""
        for assignment in assignments:
            self._held[assignment.attempt] = Held(assignment)

    def drop(self, attempt: int) -> None:
        """The attempt is no longer in hand."""
        self._held.pop(attempt, None)

    def drop_not_given(self) -> None:
        """What no child has is handed back."""
        self._held = {attempt: held for attempt, held in self._held.items() if held.given}

    def named(self, *, now: float) -> tuple[InHand, ...]:
        """The hand as the service is told of it."""
        shares = self._shares()
        return tuple(
            InHand(
                attempt=attempt,
                started=held.started,
                seconds=held.seconds_now(now, share=shares.get(held.assignment.sweep, 0.0)),
            )
            for attempt, held in self._held.items()
        )

    def await_files(self, attempt: int, *, lacks: bool) -> None:
        """Files that the attempt needs must be fetched first, or were."""
        if held := self.get(attempt):
            held.lacks_file = lacks

    def stood_still(self, seconds: float) -> None:
        """So long the child did something else than train."""
        for held in self:
            held.timed_at += seconds

    def weights_wanted(self, attempt: int) -> None:
        """The child will put the weights of this attempt, and then say so, or that it could not."""
        self._weights_due.add(attempt)

    def weights_settled(self, attempt: int) -> None:
        """The weights of this attempt lie in the store, or never will."""
        self._weights_due.discard(attempt)

    @property
    def child_is_free(self) -> bool:
        """The child has nothing of ours: it may be replaced without a loss."""
        return not self._weights_due and not any(held.given for held in self)

    def not_given(self) -> Iterator[Held]:
        """What the child has yet to get."""
        return (held for held in self if not (held.given or held.through or held.lacks_file))

    def admits(self, held: Held) -> bool:
        """Whether it may join what the child has: nothing beside what shall run alone, until that left its slot."""
        if held.assignment.alone:
            return self.child_is_free
        return not any(one.assignment.alone and one.given and not one.through for one in self)

    @property
    def in_training(self) -> bool:
        """The child has begun something that is not through."""
        return any(held.training for held in self)

    def limits(self) -> Limits | None:
        """The narrowest limits of what the child trains, or has to begin with; None when it has nothing."""
        every = [held.assignment.limits for held in self._suspects()]
        if not every:
            return None
        memory = [limits.memory_mb for limits in every if limits.memory_mb is not None]
        return Limits(hang_seconds=min(limits.hang_seconds for limits in every), memory_mb=min(memory, default=None))

    def lose_child(self, *, now: float) -> tuple[list[int], float]:
        """The child is gone: which attempts are suspects, and how long the longest was in training.

        Those are no longer in hand. What had not begun stays for the next child; what was through keeps waiting for
        its verdict, unless that verdict was a PAUSE, which only the dead child could have followed.
        """
        lost = self._suspects()
        shares = self._shares()
        seconds = max(
            (held.seconds_now(now, share=shares.get(held.assignment.sweep, 0.0)) for held in lost), default=0.0
        )
        unpaused = [held for held in self if held.last and not held.ended and held.pause_epoch is not None]
        for held in (*lost, *unpaused):
            self.drop(held.assignment.attempt)
        for held in self:
            held.given = False
        self._weights_due.clear()
        return [held.assignment.attempt for held in lost], seconds

    def _suspects(self) -> list[Held]:
        """What is in training; else what the child has to begin with, which may be what ails it."""
        open_ones = [held for held in self if held.given and not held.through]
        return [held for held in open_ones if held.taken] or open_ones[:1]

    def _shares(self) -> dict[str, float]:
        """How much of the child's time each row of a sweep gets: sweeps get equal time, and so do rows of a sweep."""
        num_rows = Counter(held.assignment.sweep for held in self if held.advances)
        return {sweep: 1 / (len(num_rows) * count) for sweep, count in num_rows.items()}

    def _num_slots(self) -> int:
        return 1 if any(held.assignment.alone and not held.through for held in self) else self._slots

    def _num_open(self) -> int:
        return sum(not held.through for held in self)
