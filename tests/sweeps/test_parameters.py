"""What a parameter can be, and which of its points is nearest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.space.parameters import Choices, Range, same


@pytest.mark.parametrize(
    ("parameter", "value", "nearest"),
    [
        (Range(low=1e-4, high=1.0, log=True), 0.01, 0.01),
        (Range(low=0.1, high=1.0, log=True), 0.01, 0.1),
        (Range(low=1e-6, high=1e-2, log=True), 0.0, 1e-6),
        (Range(low=0.0, high=0.5), 0.9, 0.5),
        (Range(low=0.0, high=0.95, step=0.1), 0.93, 0.9),
        (Range(low=0.0, high=0.95, step=0.2), 0.9, 0.8),
        (Range(low=1, high=512, integer=True, log=True), 32, 32),
        (Range(low=1, high=40, integer=True, step=3), 32, 31),
        (Range(low=64, high=512, integer=True), 32, 64),
        (Range(low=64, high=512, integer=True), "full", 64),
        (Choices(choices=(16, 64)), 32, 16),
        (Choices(choices=(1e-4, 0.1)), 0.01, 0.1),
        (Choices(choices=("full", 128)), 32, 128),
        (Choices(choices=("full",)), 32, "full"),
        (Choices(choices=(True, False)), False, False),
        (Choices(choices=(0.0, 0.5)), 0.9, 0.5),
    ],
)
def test_the_nearest_point(parameter: Range | Choices, value: float | str, nearest: float | str) -> None:
    found = parameter.nearest(value)
    assert found == pytest.approx(nearest) if isinstance(nearest, float) else same(found, nearest)
    assert parameter.contains(found)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(0, 1e6),
    step=st.one_of(st.none(), st.floats(2.5, 1e3)),
    value=st.floats(-1e7, 1e7),
)
@settings(deadline=None, derandomize=True)
def test_the_nearest_point_lies_in_the_range(low: float, width: float, step: float | None, value: float) -> None:
    parameter = Range(low=low, high=low + width, step=step)
    assert parameter.contains(parameter.nearest(value))
    assert parameter.contains(parameter.top)


@pytest.mark.parametrize(
    ("parameter", "inside", "outside"),
    [
        (Range(low=0.0, high=1.0), [0, 0.0, 0.5, 1], [-0.1, 1.1, "a", True]),
        (Range(low=0.0, high=1.0, step=0.25), [0.25, 1.0], [0.3]),
        (Range(low=1, high=9, integer=True), [1, 9, 3.0], [2.5, 10]),
        (Choices(choices=(1, 0.5, "full")), [1, 1.0, 0.5, "full"], [True, "half", 2]),
    ],
)
def test_what_lies_inside(parameter: Range | Choices, inside: list[float], outside: list[float]) -> None:
    assert [parameter.contains(value) for value in inside] == [True] * len(inside)
    assert [parameter.contains(value) for value in outside] == [False] * len(outside)


def test_the_points_of_a_range_in_steps_are_written_plainly() -> None:
    assert list(Range(low=0.0, high=0.35, step=0.1).points()) == [0.0, 0.1, 0.2, 0.3]
    assert list(Range(low=1, high=8, integer=True, step=3).points()) == [1, 4, 7]
    assert Range(low=0.0, high=1.0).num_points() is None
