import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.schedules import learning_rate
from trainer.settings import Settings


def test_without_decay_the_rate_is_constant() -> None:
    assert {learning_rate(t, settings=Settings(learning_rate=0.3)) for t in (0, 1, 10_000)} == {0.3}


@given(st.floats(1e-6, 10), st.floats(1e-6, 10), st.integers(0, 10**6))
def test_the_decay_is_that_of_keras(rate: float, decay: float, num_updates: int) -> None:
    """And the same curve as a/(b+t) with b = 1/decay, a = η0·b."""
    settings = Settings(learning_rate=rate, lr_decay=decay)
    b = 1 / decay
    assert learning_rate(num_updates, settings=settings) == pytest.approx(rate * b / (b + num_updates))


def test_the_first_update_has_the_whole_rate() -> None:
    assert learning_rate(0, settings=Settings(learning_rate=0.3, lr_decay=5)) == 0.3
