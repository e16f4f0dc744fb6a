"""The window that TPE sees of a long history."""

import random

import pytest

from sweeps.studies.window import window_start, windowed


@pytest.mark.parametrize(
    ("num_told", "start"), [(0, 0), (999, 0), (1000, 1000), (1249, 1000), (1250, 1250), (1499, 1250), (10_000, 10_000)]
)
def test_it_is_drawn_anew_every_250_tells_from_the_1000th_on(num_told: int, start: int) -> None:
    assert window_start(num_told) == start


def test_before_the_first_one_all_is_seen() -> None:
    assert windowed(range(999), rank=abs) == list(range(999))


def test_it_holds_the_best_the_latest_and_all_since() -> None:
    costs = random.Random(1).sample(range(5000), 1300)
    told = list(enumerate(costs))
    seen = windowed(told, rank=lambda item: item[1])
    best = sorted(told[:1250], key=lambda item: item[1])[:250]
    assert set(seen) == {*best, *told[750:]}
    assert seen == sorted(seen)


def test_it_never_holds_more_than_a_thousand() -> None:
    for num_told in range(1000, 2000, 7):
        assert len(windowed([-index for index in range(num_told)], rank=lambda cost: -cost)) < 1000
