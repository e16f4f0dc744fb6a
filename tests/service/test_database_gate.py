"""Few knock at the door of a server that is away."""

import pytest

from service.database.gate import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Gate
from service.errors import Unavailable


class Clock:
    """Time that the test moves."""

    seconds = 100.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds


def refused(gate: Gate) -> bool:
    try:
        gate.enter()
    except Unavailable:
        return True
    return False


def test_an_open_gate_lets_everybody_through() -> None:
    gate = Gate(attempt_seconds=3)
    assert not any(refused(gate) for _ in range(5))


def test_after_a_failure_one_may_try_at_a_time() -> None:
    clock = Clock()
    gate = Gate(attempt_seconds=3, clock=clock)
    gate.failed("because")
    assert refused(gate)
    clock.seconds += FIRST_PAUSE_SECONDS
    assert [refused(gate) for _ in range(3)] == [False, True, True]
    gate.succeeded()
    assert not any(refused(gate) for _ in range(3))


def test_who_is_refused_hears_why() -> None:
    gate = Gate(attempt_seconds=3)
    gate.failed("no route to host")
    with pytest.raises(Unavailable, match="no route to host"):
        gate.enter()


def test_one_that_never_comes_back_holds_nobody_up() -> None:
    clock = Clock()
    gate = Gate(attempt_seconds=3, clock=clock)
    gate.failed("because")
    clock.seconds += 1
    gate.enter()
    clock.seconds += 2.9
    assert refused(gate)
    clock.seconds += 0.2
    assert not refused(gate)


def test_the_pause_doubles_up_to_its_longest() -> None:
    clock = Clock()
    gate = Gate(attempt_seconds=3, clock=clock)
    pauses = []
    for _ in range(7):
        gate.failed("because")
        begun = clock.seconds
        while refused(gate):
            clock.seconds += 0.05
        pauses.append(clock.seconds - begun)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0], abs=0.06)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE_SECONDS, abs=0.06)
