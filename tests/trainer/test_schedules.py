import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.references import cases
from trainer.course.reactions import Reactions, after_epoch
from trainer.course.schedules import Course, Pace, is_steady, pace
from trainer.kinds import (
    Adam,
    AnnealOnPlateau,
    Cosine,
    HalveOnSlow,
    InverseTime,
    OneCycle,
    RampMomentum,
    RmsProp,
    Schedule,
    Step,
)
from trainer.settings import Settings

COURSE = Course(steps_per_epoch=4, epochs=5)


def _pace(num_updates: int, row: Settings, *, reactions: Reactions = Reactions(), course: Course = COURSE) -> Pace:  # noqa: B008 - frozen
    return pace(num_updates, settings=row, course=course, reactions=reactions)


def _after(losses: list[float], row: Settings) -> list[Reactions]:
    """The reactions after each of these epochs."""
    reactions, after = Reactions(), []
    for loss in losses:
        reactions = after_epoch(reactions, settings=row, train_loss=loss, val_loss=loss)
        after.append(reactions)
    return after


def test_without_decay_the_pace_is_constant() -> None:
    row = Settings(learning_rate=0.3, momentum=0.9)
    assert is_steady(row)
    assert {_pace(t, row) for t in (0, 1, 10_000)} == {Pace(0.3, 0.9)}


@given(st.floats(1e-6, 10), st.floats(1e-6, 10), st.integers(0, 10**6))
def test_the_decay_is_the_curve_of_inverse_time(rate: float, decay: float, num_updates: int) -> None:
    """η0 / (1 + decay·t), and a/(b+t) with b = 1/decay, a = η0·b."""
    decayed = Settings(learning_rate=rate, lr_decay=decay)
    inverse = Settings(learning_rate=rate, schedule=InverseTime(b=1 / decay))
    assert not is_steady(decayed)
    got = _pace(num_updates, decayed).learning_rate
    assert got == pytest.approx(rate / (1 + decay * num_updates))
    assert got == pytest.approx(_pace(num_updates, inverse).learning_rate)


SCHEDULES = st.one_of(
    cases.STEPS, cases.EXPONENTIALS, cases.POLYNOMIALS, cases.COSINES, cases.ONE_CYCLES, st.builds(InverseTime)
)


@given(SCHEDULES, st.integers(1, 5), st.integers(1, 5), st.floats(0, 6))
@settings(derandomize=True)
def test_no_update_is_faster_than_the_learning_rate_or_stands_still(
    schedule: Schedule, steps: int, epochs: int, warmup_epochs: float
) -> None:
    row = Settings(learning_rate=0.5, schedule=schedule, warmup_epochs=warmup_epochs)
    course = Course(steps_per_epoch=steps, epochs=epochs)
    rates = [_pace(t, row, course=course).learning_rate for t in range(course.num_updates)]
    assert all(0 < rate <= 0.5 * (1 + 1e-12) for rate in rates)


def test_epochs_count_from_their_first_update() -> None:
    row = Settings(learning_rate=1.0, schedule=Step(epochs=2, gamma=0.5))
    assert [_pace(t, row).learning_rate for t in (0, 7, 8, 15, 16)] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_a_cosine_ends_above_its_final_rate_by_one_update() -> None:
    row = Settings(learning_rate=1.0, schedule=Cosine(final=0.2))
    rates = [_pace(t, row).learning_rate for t in range(21)]
    assert (rates[0], rates[10], rates[20]) == pytest.approx((1.0, 0.6, 0.2))


def test_one_cycle_has_a_peak_on_its_first_update_too() -> None:
    row = Settings(learning_rate=1.0, schedule=OneCycle(pct_start=0.05))
    assert _pace(0, row).learning_rate == 1.0


def test_a_warm_up_rises_from_its_start_over_its_epochs() -> None:
    row = Settings(learning_rate=1.0, warmup_epochs=2, warmup_start=0.2)
    assert not is_steady(row)
    rates = [_pace(t, row).learning_rate for t in (0, 4, 8, 9)]
    assert rates == pytest.approx([0.2, 0.6, 1.0, 1.0])


def test_a_warm_up_may_be_shorter_than_an_update() -> None:
    row = Settings(learning_rate=1.0, warmup_epochs=0.1, warmup_start=0.2)
    assert [_pace(t, row).learning_rate for t in (0, 1)] == [0.2, 1.0]


def test_halve_on_slow_halves_after_each_epoch_that_improved_too_little() -> None:
    row = Settings(learning_rate=0.8, schedule=HalveOnSlow(threshold=0.1))
    after = _after([1.0, 0.8, 0.75, 0.75, 0.5, 0.6], row)
    assert [each.factor for each in after] == [1.0, 1.0, 0.5, 0.25, 0.25, 0.125]
    assert _pace(3 * 4, row, reactions=after[2]).learning_rate == 0.4


def test_halve_on_slow_listens_to_the_training_and_anneal_on_plateau_to_the_held_out_loss() -> None:
    slow, plateau = Settings(schedule=HalveOnSlow()), Settings(schedule=AnnealOnPlateau(patience=0, factor=0.5))
    for row, heard in ((slow, "train_loss"), (plateau, "val_loss")):
        losses = {"train_loss": 0.5, "val_loss": 0.5}
        first = after_epoch(Reactions(), settings=row, train_loss=1.0, val_loss=1.0)
        assert after_epoch(first, settings=row, **losses).factor == 1.0
        assert after_epoch(first, settings=row, **losses | {heard: 1.0}).factor == 0.5


def test_a_ramp_by_epoch_begins_low() -> None:
    row = Settings(momentum=0.9, momentum_schedule=RampMomentum(start=0.5, epochs=2))
    assert not is_steady(row)
    assert [_pace(t, row).momentum for t in (0, 7, 8, 19)] == [0.5, 0.5, 0.9, 0.9]


def test_a_ramp_until_stable_ends_for_good() -> None:
    row = Settings(momentum=0.9, momentum_schedule=RampMomentum(until="stable", threshold=0.05))
    after = _after([1.0, 0.8, 0.79, 0.1], row)
    assert [_pace(4, row, reactions=each).momentum for each in after] == [0.5, 0.5, 0.9, 0.9]


@pytest.mark.parametrize(("optimizer", "momentum"), [(Adam(), 0.0), (RmsProp(momentum=0.7), 0.7)])
def test_other_optimizers_have_the_momentum_of_their_own(optimizer: Adam | RmsProp, momentum: float) -> None:
    assert _pace(0, Settings(optimizer=optimizer)).momentum == momentum
