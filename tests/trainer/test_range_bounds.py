"""Bounds read off a range test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.tasks.range_bounds import PATIENCE_FACTOR, proposed_bounds

RATES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]


def test_from_below_the_lowest_useful_rate_to_the_highest() -> None:
    losses = [1.99, 1.7, 1.0, 0.5, None]
    assert proposed_bounds(RATES, losses=losses, first_loss=2.0) == pytest.approx((1e-3 / PATIENCE_FACTOR, 1e-1))


def test_a_rate_beyond_one_that_failed_is_no_neighbour() -> None:
    losses = [1.99, 1.0, None, 1.2, None]
    assert proposed_bounds(RATES, losses=losses, first_loss=2.0) == pytest.approx((1e-3 / PATIENCE_FACTOR, 1e-3))


def test_where_nothing_gains_all_that_was_tested_is_proposed() -> None:
    assert proposed_bounds(RATES, losses=[2.0, 2.1, 3.0, None, None], first_loss=2.0) == (1e-4, 1.0)
    assert proposed_bounds(RATES, losses=[None] * 5, first_loss=2.0) == (1e-4, 1.0)


def test_only_the_lowest_rate_gains() -> None:
    losses = [1.0, 2.0, 2.0, None, None]
    assert proposed_bounds(RATES, losses=losses, first_loss=2.0) == pytest.approx((1e-4 / PATIENCE_FACTOR, 1e-4))


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=5, max_size=5), st.floats(-1e6, 1e6))
def test_bounds_are_a_range_whatever_happened(losses: list[float | None], first_loss: float) -> None:
    low, high = proposed_bounds(RATES, losses=losses, first_loss=first_loss)
    assert 0 < low < high <= RATES[-1]
