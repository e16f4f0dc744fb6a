"""The two engines side by side: what one update of one row takes, alone and in stacks of several widths."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter, thread_time

import torch

from trainer.config import Assignment
from trainer.endings import is_out_of_memory
from trainer.fused.stack import FusedStack
from trainer.pauses import AS_A_SERVICE
from trainer.problem import Problem
from trainer.serial import SerialStack
from trainer.stack import Stack

ROUNDS = 5
ROUND_SECONDS = 0.003
"""Each side trains so long in a round, and makes one update at least."""
MOST_SECONDS = 0.5
"""After that no further round begins."""
MOST_UPDATE_SECONDS = 0.1
"""A stack whose update takes longer would look up too seldom: nothing wider is tried."""
FAR_BEHIND, CLEARLY_LOST = 1.5, 0.8
"""A width so many times slower than the best races no more; nor does any where the best has less than such a gain."""


class Side:
    """One of those that race: rows of a group in a stack. `width` 1 is the serial engine."""

    def __init__(self, stack: Stack, *, rows: Sequence[Assignment], problem: Problem) -> None:
        self.width = len(rows)
        self._stack = stack
        self._times_us: list[float] = []
        for row in rows:
            stack.add(row, problem=problem)

    @property
    def update_us(self) -> float:
        """One update of one row, in microseconds: the median of the rounds, but for the first, which warms up."""
        return median(self._times_us[1:] or self._times_us)

    @property
    def is_slow(self) -> bool:
        """One update of all its rows takes longer than MOST_UPDATE_SECONDS."""
        return self.update_us * self.width > 1e6 * MOST_UPDATE_SECONDS

    def train(self, *, device: torch.device) -> None:
        """A round."""
        first = self._stack.trainings[0]
        now = _clock(device)
        began, before = now(), first.num_updates
        while now() - began < ROUND_SECONDS or first.num_updates == before:
            self._stack.advance()
        seconds = now() - began
        self._times_us.append(1e6 * seconds / (first.num_updates - before) / self.width)


class Race:
    """`serial` and `stacks` are the sides, with their times after `run`; `beat` is called between any two.

    `too_wide`: in a stack of so many rows memory ran out; it raced no further, and nothing wider did. What the serial
    side raises goes through.
    """

    def __init__(
        self, assignment: Assignment, *, problem: Problem, device: torch.device, beat: Callable[[], None]
    ) -> None:
        self.stacks: list[Side] = []
        self.too_wide: int | None = None
        self._assignment = assignment
        self._problem = problem
        self._device = device
        self._beat = beat
        self.serial = Side(SerialStack(device=device), rows=[assignment], problem=problem)

    def run(self, widths: Sequence[int]) -> None:
        """Up to ROUNDS rounds, in which the sides take turns, after one that says which widths race."""
        self._warm_up(self.serial)
        for width in widths:
            if (self.stacks or [self.serial])[-1].is_slow or self.too_wide is not None:
                break
            with self._within_memory(width):
                self._enter(width)
        began = perf_counter()
        for number in range(ROUNDS):
            racing = _still_racing(self.serial, stacks=self.stacks) if number else [self.serial, *self.stacks]
            if len(racing) < 2 or perf_counter() - began > MOST_SECONDS:
                break
            while racing:  # what is dropped is held by nobody
                side = racing.pop(0)
                if self.too_wide is not None and side.width >= self.too_wide:
                    continue
                with self._within_memory(side.width):
                    side.train(device=self._device)
                self._beat()

    def _enter(self, width: int) -> None:
        stack = FusedStack(device=self._device, width=width, ahead_seconds=AS_A_SERVICE.ahead_seconds)
        seed = self._assignment.seed
        rows = [self._assignment.model_copy(update={"seed": seed + row}) for row in range(width)]
        side = Side(stack, rows=rows, problem=self._problem)
        self._warm_up(side)
        self.stacks.append(side)

    def _warm_up(self, side: Side) -> None:
        side.train(device=self._device)
        if side.is_slow:  # a first update may wait for what torch loads at it
            side.train(device=self._device)
        self._beat()

    @contextmanager
    def _within_memory(self, width: int) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if width == 1 or not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold what the update had computed
            self.too_wide = min(width, self.too_wide or width)
            self.stacks = [side for side in self.stacks if side.width < self.too_wide]


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds; of this thread's work where all is done by it, so that a busy machine decides nothing."""
    if device.type == "cuda":
        return lambda: _synchronized(device)
    return thread_time if torch.get_num_threads() == 1 else perf_counter


def _synchronized(device: torch.device) -> float:
    torch.cuda.synchronize(device)
    return perf_counter()


def _still_racing(serial: Side, *, stacks: Sequence[Side]) -> list[Side]:
    if not stacks:
        return [serial]
    best_us = min(side.update_us for side in stacks)
    if serial.update_us < CLEARLY_LOST * best_us:
        return [serial]
    return [serial, *(side for side in stacks if side.update_us <= FAR_BEHIND * best_us)]
