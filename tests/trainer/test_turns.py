"""Whose turn it is: sweeps alike, and in a sweep the rows alike; with stacks that take the time they are told."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
import torch

from tests.trainer.assignments import WINE, assignment
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.problem import Problem, build_problem
from trainer.stack import Stack, Told
from trainer.state import State
from trainer.training import Training
from trainer.turns import TURN_SECONDS, Turns

STEP_SECONDS = 0.01


class FakeStack:
    """So many rows at most; it trains nothing."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.trainings: Sequence[Training] = ()

    @property
    def num_free(self) -> int:
        return self.width - len(self.trainings)

    def add(self, assignment: Assignment, *, problem: Problem, state: State | None = None) -> Training:
        raise NotImplementedError

    def remove(self, training: Training) -> None:
        raise NotImplementedError

    def state(self, training: Training) -> State:
        raise NotImplementedError

    def advance(self) -> list[Told]:
        raise NotImplementedError


class House:
    """Turns, their stacks by sweep, and a clock."""

    def __init__(self, folder: Path, *, slots: int = 8) -> None:
        self.turns = Turns(lambda _assignment, _problem, width: FakeStack(width), slots=slots)
        self.problem = build_problem(WINE, device=torch.device("cpu"), files=CheckpointStore(folder))
        self.now = 0.0
        self.names: dict[Stack, str] = {}
        self.seconds: dict[str, float] = {}

    def open(self, sweep: str, *, num_rows: int = 1, batch_size: int = 32, width: int = 8) -> Stack:
        """Rows of one group of a sweep, in a fused stack."""
        of = trial(sweep, batch_size=batch_size, width=width)
        stack = self.turns.stack_for(of, problem=self.problem)
        rows = cast("Sequence[Training]", range(num_rows))
        cast(FakeStack, stack).trainings = (*stack.trainings, *rows)
        self.names[stack] = f"{sweep}/{batch_size}"
        return stack

    def close(self, stack: Stack) -> None:
        self.turns.close(stack)

    def run(self, seconds: float, *, step_seconds: float = STEP_SECONDS) -> dict[str, float]:
        """Steps stacks for so long; the seconds that each one had, by sweep and batch size."""
        self.seconds = defaultdict(float)
        until = self.now + seconds
        while self.now < until:
            stack = self.turns.next(now=self.now)
            assert stack is not None
            self.turns.spend(stack, seconds=step_seconds)
            self.seconds[self.names[stack]] += step_seconds
            self.now += step_seconds
        return self.seconds


def trial(sweep: str, *, batch_size: int = 32, width: int = 8, engine: str = "fused") -> Assignment:
    of = assignment({"learning_rate": 0.01, "batch_size": batch_size})
    return of.model_copy(update={"sweep": sweep, "engine": engine, "width": width})


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_without_a_stack_it_is_nobodys_turn(house: House) -> None:
    assert house.turns.next(now=0.0) is None


def test_a_turn_lasts_while_its_time_does(house: House) -> None:
    house.open("a")
    house.open("b")
    first = house.turns.next(now=0.0)
    assert first is not None
    house.turns.spend(first, seconds=0.04)
    assert house.turns.next(now=0.04) is first
    house.turns.spend(first, seconds=0.02)
    assert house.turns.next(now=TURN_SECONDS + 0.01) is not first


def test_a_turn_may_end_before_its_time(house: House) -> None:
    house.open("a", batch_size=16)
    house.open("a", batch_size=32)
    first = house.turns.next(now=0.0)
    assert first is not None
    house.turns.spend(first, seconds=0.01)
    house.turns.end_turn()
    assert house.turns.next(now=0.01) is not first


def test_two_sweeps_get_equal_time_however_many_stacks_and_rows_each_has(house: House) -> None:
    house.open("a", num_rows=8, batch_size=16)
    house.open("a", num_rows=8, batch_size=32)
    house.open("a", num_rows=8, batch_size=64)
    house.open("b", num_rows=1)
    seconds = house.run(12)
    assert seconds["b/32"] == pytest.approx(6, abs=2 * TURN_SECONDS)


def test_the_rows_of_a_sweep_get_equal_time(house: House) -> None:
    house.open("a", num_rows=6, batch_size=16)
    house.open("a", num_rows=2, batch_size=64)
    seconds = house.run(8)
    assert seconds["a/16"] == pytest.approx(6, abs=4 * TURN_SECONDS)
    assert seconds["a/64"] == pytest.approx(2, abs=4 * TURN_SECONDS)


def test_a_lone_row_waits_for_no_longer_than_one_turn_of_each_row_beside_it(house: House) -> None:
    wide = house.open("a", num_rows=8, batch_size=16)
    lone = house.open("a", num_rows=1, batch_size=64)
    turns = []
    for _ in range(100):
        turns.append(house.turns.next(now=house.now))
        house.run(TURN_SECONDS)
    assert {wide, lone} == set(turns)
    waits = [index for index, stack in enumerate(turns) if stack is lone]
    assert max(after - before for before, after in pairwise(waits)) <= 10


def test_slow_updates_cost_the_others_no_time(house: House) -> None:
    slow, fast = house.open("slow"), house.open("fast")
    spent: dict[Stack, float] = defaultdict(float)
    for _ in range(300):
        stack = house.turns.next(now=house.now)
        assert stack is not None
        seconds = 0.4 if stack is slow else 0.001
        house.turns.spend(stack, seconds=seconds)
        spent[stack] += seconds
        house.now += seconds
    assert spent[fast] <= spent[slow] <= spent[fast] + 0.4 + TURN_SECONDS


def test_a_newcomer_starts_level_and_makes_up_for_nothing(house: House) -> None:
    house.open("a")
    house.run(50)
    house.open("b")
    seconds = house.run(10)
    assert seconds["a/32"] == pytest.approx(5, abs=2 * TURN_SECONDS)
    house.open("b", batch_size=16)
    seconds = house.run(12)
    assert seconds["b/16"] == pytest.approx(3, abs=3 * TURN_SECONDS)


def test_a_sweep_that_comes_back_has_no_claim_on_the_time_between(house: House) -> None:
    house.open("a")
    gone = house.open("b")
    house.run(2)
    house.close(gone)
    house.run(50)
    house.open("b")
    assert house.run(10)["b/32"] == pytest.approx(5, abs=2 * TURN_SECONDS)


def test_none_of_many_sweeps_starves(house: House) -> None:
    for number in range(12):
        house.open(f"sweep {number}", num_rows=1 + number % 5)
    house.run(1)
    seconds = house.run(12 * TURN_SECONDS * 4)
    assert min(seconds.values()) >= 2 * TURN_SECONDS
    assert len(seconds) == 12


def test_rows_of_a_group_share_a_stack_while_it_has_room(house: House) -> None:
    first = house.open("a", num_rows=3, width=4)
    assert house.open("a", num_rows=1, width=4) is first
    second = house.open("a", num_rows=1, width=4)
    assert second is not first
    assert house.open("a", batch_size=16) not in (first, second)
    assert house.open("b", width=4) not in (first, second)


def test_serial_rows_and_those_apart_have_a_stack_each(house: House) -> None:
    serial = trial("a", engine="serial", width=8)
    widths = [
        house.turns.stack_for(serial, problem=house.problem).num_free,
        house.turns.alone(trial("a"), problem=house.problem).num_free,
    ]
    assert widths == [1, 1]


def test_no_stack_is_wider_than_the_slots_or_than_what_fitted(tmp_path: Path) -> None:
    house = House(tmp_path, slots=6)
    assert house.open("a", num_rows=0, width=32).num_free == 6
    house.turns.narrow(trial("b"), width=2)
    assert house.open("b", num_rows=0).num_free == 2
    assert house.open("b", num_rows=0, batch_size=16).num_free == 6
