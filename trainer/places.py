"""Which attempts an engine has, and where: in a row of a stack, or waiting for an answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.stack import Stack
from trainer.training import Training
from trainer.turns import Turns


@dataclass
class Place:
    """A row in training. `started`: its source knows of its first update; a checkpoint is due at a monotonic time."""

    training: Training
    stack: Stack
    checkpoint_due: float
    started: bool = False


class Places:
    """A row that left its slot waits while an answer about it may still come. Stacks without a row are closed."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._in_training: dict[int, Place] = {}  # by attempt, as all that follows
        self._waiting: dict[int, Training] = {}
        self._ended: set[int] = set()

    def __len__(self) -> int:
        return len(self._in_training)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._in_training.values())

    def __getitem__(self, attempt: int) -> Place:
        return self._in_training[attempt]

    def of(self, stack: Stack) -> list[Place]:
        """The rows of a stack."""
        return [self[training.assignment.attempt] for training in stack.trainings]

    @property
    def any_waits(self) -> bool:
        """An answer may still come about a row that left its slot."""
        return bool(self._waiting)

    def find(self, attempt: int) -> Training | None:
        """The attempt, if it is here."""
        place = self._in_training.get(attempt)
        return self._waiting.get(attempt) if place is None else place.training

    def has_ended(self, attempt: int) -> bool:
        """Its ending was told: only a PAUSE may still come."""
        return attempt in self._ended

    def take(self, place: Place) -> None:
        """A row begins."""
        self._in_training[place.training.assignment.attempt] = place

    def leave_slot(self, training: Training, *, ended: bool) -> None:
        """Free the slot at once; the row waits for the answer to its last report, or for a PAUSE that may come."""
        attempt = training.assignment.attempt
        self.forget(attempt)
        if not ended or training.snapshots.unanswered:
            self._waiting[attempt] = training
        if ended and training.snapshots.unanswered:
            self._ended.add(attempt)

    def forget(self, attempt: int) -> None:
        """The attempt is nobody's matter any more."""
        self._waiting.pop(attempt, None)
        self._ended.discard(attempt)
        place = self._in_training.pop(attempt, None)
        if place is not None:
            place.stack.remove(place.training)
            self.close_if_empty(place.stack)

    def close_if_empty(self, stack: Stack) -> None:
        """Without a row a stack has no turn."""
        if not stack.trainings:
            self._turns.close(stack)
