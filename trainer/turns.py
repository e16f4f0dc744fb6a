"""The open stacks of a worker, and whose turn it is to be stepped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from trainer.config import Assignment
from trainer.group import own_group
from trainer.problem import Problem
from trainer.stack import Stack

TURN_SECONDS = 0.05

Key: TypeAlias = tuple[str, str, str]
"""What rows of one stack share: the sweep, the engine, the group."""

OpenStack: TypeAlias = Callable[[Assignment, Problem, int], Stack]
"""Opens a stack for the group of an assignment, of this problem, with at most so many rows."""


@dataclass(eq=False)
class _Open:
    """A stack, and for how long each of its rows was stepped."""

    stack: Stack
    key: Key
    row_seconds: float = 0.0


class Turns:
    """Stacks take turns of TURN_SECONDS: the sweep that was stepped least comes first, in it the rows stepped least.

    So sweeps get equal time however many stacks each has, and so do the rows of a sweep: a stack with few of them is
    stepped less often, until more have joined it, for it does less in its time. Who comes later begins where the least
    served one stands: it has no claim on time at which it was not there. `open_stack` makes a stack for the group of an
    assignment, with at most so many rows.
    """

    def __init__(self, open_stack: OpenStack, *, slots: int) -> None:
        self._open_stack = open_stack
        self._slots = slots
        self._open: list[_Open] = []
        self._seconds: dict[str, float] = {}  # by sweep
        self._narrowed: dict[Key, int] = {}  # what fits in memory, once more did not
        self._current: _Open | None = None
        self._turn_ends = 0.0

    def __iter__(self) -> Iterator[Stack]:
        return (one.stack for one in self._open)

    def stack_for(self, assignment: Assignment, *, problem: Problem) -> Stack:
        """An open stack that the assignment fits, or a new one."""
        key = _key(assignment)
        fitting = (one.stack for one in self._open if one.key == key and one.stack.num_free)
        return next(fitting, None) or self._opened(assignment, problem=problem, width=self._width(assignment, key=key))

    def alone(self, assignment: Assignment, *, problem: Problem) -> Stack:
        """A new stack for this assignment and no other."""
        return self._opened(assignment, problem=problem, width=1)

    def narrow(self, assignment: Assignment, *, width: int) -> None:
        """From now on the stacks of its group have at most so many rows."""
        self._narrowed[_key(assignment)] = width

    def close(self, stack: Stack) -> None:
        """The stack is stepped no more."""
        self._open = [one for one in self._open if one.stack is not stack]
        if self._current is not None and self._current.stack is stack:
            self._current = None

    def next(self, *, now: float) -> Stack | None:
        """The stack to step now; None where none is open."""
        if self._current is None or now >= self._turn_ends:
            self._current = min(self._open, key=lambda one: (self._seconds[one.key[0]], one.row_seconds), default=None)
            self._turn_ends = now + TURN_SECONDS
        return None if self._current is None else self._current.stack

    def end_turn(self) -> None:
        """It is another stack's turn, where there is one that was stepped less."""
        self._turn_ends = 0.0

    def spend(self, stack: Stack, *, seconds: float) -> None:
        """So long the stack, as it is now, was stepped."""
        for one in self._open:
            if one.stack is stack:
                one.row_seconds += seconds / len(stack.trainings)
                self._seconds[one.key[0]] += seconds

    def _opened(self, assignment: Assignment, *, problem: Problem, width: int) -> Stack:
        stack, sweep = self._open_stack(assignment, problem, width), assignment.sweep
        least = min((one.row_seconds for one in self._open if one.key[0] == sweep), default=0.0)
        if not any(one.key[0] == sweep for one in self._open):
            others = {one.key[0] for one in self._open}
            self._seconds = {other: self._seconds[other] for other in others}
            self._seconds[sweep] = min(self._seconds.values(), default=0.0)
        self._open.append(_Open(stack, _key(assignment), row_seconds=least))
        return stack

    def _width(self, assignment: Assignment, *, key: Key) -> int:
        width = 1 if assignment.engine == "serial" else min(assignment.width, self._slots)
        return min(width, self._narrowed.get(key, width))


def _key(assignment: Assignment) -> Key:
    return assignment.sweep, assignment.engine, own_group(assignment)
