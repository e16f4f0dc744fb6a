"""What counts as a row-step that changes weights."""

import pytest

from benchmarks.row_steps import RowSteps


def one_second(*, num_slots: int, num_rows: int) -> RowSteps:
    """So many rows have had a slot for a second."""
    row_steps = RowSteps(num_slots)
    row_steps.moved(num_rows, now=0.0)
    row_steps.moved(0, now=1.0)
    return row_steps


def test_full_slots_lose_nothing() -> None:
    row_steps = one_second(num_slots=1, num_rows=1)
    row_steps.made([5], num_computed=1)
    assert row_steps.shares() == {"changing": 1, "kept": 1, "changing_of_computed": 1, "slots_in_use": 1}


def test_an_empty_slot_would_have_made_as_many_steps() -> None:
    row_steps = one_second(num_slots=4, num_rows=3)
    row_steps.made([3, 3, 3], num_computed=3)
    shares = row_steps.shares()
    assert shares["changing_of_computed"] == 1
    assert shares["changing"] == pytest.approx(9 / 12)


def test_rows_computed_for_nothing_count_against_us() -> None:
    row_steps = one_second(num_slots=1, num_rows=1)
    row_steps.made([6], num_computed=4)
    assert row_steps.shares()["changing"] == pytest.approx(6 / 24)


def test_what_follows_an_explosion_counts_against_us() -> None:
    row_steps = one_second(num_slots=2, num_rows=2)
    row_steps.made([4, 1], num_computed=2)
    assert row_steps.shares()["changing"] == pytest.approx(5 / 8)


def test_what_a_stop_throws_away_is_not_kept() -> None:
    row_steps = one_second(num_slots=1, num_rows=1)
    row_steps.made([10], num_computed=1)
    row_steps.thrown_away += 2
    shares = row_steps.shares()
    assert (shares["changing"], shares["kept"]) == pytest.approx((1.0, 0.8))


def test_slots_in_use_are_weighed_by_time() -> None:
    row_steps = RowSteps(num_slots=2)
    row_steps.moved(1, now=1.0)
    row_steps.moved(1, now=4.0)
    row_steps.moved(-1, now=5.0)
    row_steps.made([1], num_computed=1)
    assert row_steps.shares()["slots_in_use"] == pytest.approx((3 * 1 + 1 * 2) / (2 * 4))
