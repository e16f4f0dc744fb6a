"""Side by side: all of it is done, in order, and a failure ends it as soon as nothing is under way."""

import threading

import pytest

from service.recorder.lanes import Lanes

BOTH_SECONDS = 10.0
ACT_SECONDS = 0.1


@pytest.mark.parametrize("num_lanes", [1, 3])
def test_what_came_of_each_is_in_their_order(num_lanes: int) -> None:
    assert Lanes(num_lanes).each(range(20), act=lambda number: number * number) == [one * one for one in range(20)]
    assert Lanes(num_lanes).each([], act=str) == []


def test_two_lanes_are_under_way_at_once() -> None:
    both = threading.Barrier(2)
    Lanes(2).each(range(2), act=lambda _: both.wait(BOTH_SECONDS))


@pytest.mark.parametrize("num_lanes", [1, 2])
def test_after_a_failure_none_is_begun_and_it_is_raised(num_lanes: int) -> None:
    begun: list[int] = []

    def act(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise OSError("away")
        threading.Event().wait(ACT_SECONDS)  # all of them would take longer than any test

    with pytest.raises(OSError, match="away"):
        Lanes(num_lanes).each(range(1000), act=act)
    assert len(begun) < 1000
