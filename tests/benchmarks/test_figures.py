"""What figures are made of: spans, intervals, bars."""

import pytest
from scipy import stats

from benchmarks.bars import Bar, summary
from benchmarks.intervals import difference
from benchmarks.sides import SideRun, side_by_side

RUN = SideRun(
    num_trials=4,
    over_seconds=(3.0, 4.0, 5.0, 6.0),
    shown_seconds=(4.0, 5.0, 6.0, 7.0),
    total_seconds=8.0,
    best_value=0.9,
    num_epochs=8,
    first_start_seconds=2.0,
    in_training=2.0,
)


def test_the_marginal_rate_begins_with_an_end_and_ends_with_what_is_shown() -> None:
    assert RUN.marginal(low=1, high=4) == pytest.approx(3 / (7.0 - 3.0))


def test_the_rate_once_started_ends_when_all_is_shown() -> None:
    assert RUN.rate_once_started == pytest.approx(4 / (8.0 - 2.0))


def test_trials_side_by_side_are_the_mean_until_the_last_begins() -> None:
    assert side_by_side([(0.0, 2.0), (0.0, 4.0), (4.0, 9.0)]) == pytest.approx((2 + 4) / 4)


def test_trials_that_all_began_at_once_are_all_side_by_side() -> None:
    assert side_by_side([(1.0, 2.0), (1.0, 4.0)]) == 2


def test_the_interval_is_that_of_welch() -> None:
    ours, theirs = [0.98, 0.99, 0.985, 0.99], [0.97, 0.99, 0.98]
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    found = difference(ours, theirs=theirs)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_samples_that_do_not_vary_have_an_interval_of_one_point() -> None:
    found = difference([0.5, 0.5], theirs=[0.25, 0.25])
    assert (found.low, found.mean, found.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(("got", "at_most", "reached"), [(3.9, False, False), (4.0, False, True), (4.1, True, False)])
def test_a_bar_is_reached_from_its_own_side(got: float, at_most: bool, reached: bool) -> None:
    assert Bar("rate", asked=4, got=got, at_most=at_most).reached is reached


def test_the_summary_says_what_share_of_a_bar_was_measured() -> None:
    assert summary([Bar("rate", asked=4, got=3)]).splitlines()[-1] == "| rate | 4 x | 3 x | 0.75 | no |"
