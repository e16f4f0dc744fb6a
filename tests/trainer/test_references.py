"""Every rule against references that are not ours, step by step, in float64, over random settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.references.checks import Check, keras_checks, torch_checks
from tests.trainer.references.keras_sgd import Keras

TORCH = torch_checks()


@pytest.fixture(scope="module")
def against_keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Check]]:
    with Keras(Path(tmp_path_factory.mktemp("keras"))) as keras:
        yield keras_checks(keras)


@pytest.mark.parametrize("check", TORCH, ids=[check.rule for check in TORCH])
@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_rule_is_that_of_torch(check: Check, data: st.DataObject) -> None:
    assert check.difference(data.draw(check.cases)) <= check.bound


@pytest.mark.parametrize("number", range(3))
@given(data=st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_the_rule_is_that_of_keras(against_keras: Sequence[Check], number: int, data: st.DataObject) -> None:
    check = against_keras[number]
    assert check.difference(data.draw(check.cases)) <= check.bound
