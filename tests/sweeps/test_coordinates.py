"""Coordinates: what they lead to, and what a sweep keeps of them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.space.coordinates import COORDINATES, derived
from sweeps.spec import SweepSpec, first_settings, resolved
from sweeps.wrong import InvalidSpec
from tests.sweeps.trainable import assert_trainable
from trainer.config import MetricConfig
from trainer.settings import Setting

NUM_TRAIN = 1078


def spec_of(space: dict[str, Any], **fields: Any) -> SweepSpec:
    spec = check_spec({"problem": {"dataset": "digits"}, "space": space} | fields)
    return resolved(spec, name="n", sampler_seed=5, default_metric=MetricConfig(), num_train=NUM_TRAIN)


@pytest.mark.parametrize(
    ("given", "learning_rate", "momentum"),
    [
        ({"effective_learning_rate": 0.1, "momentum": 0.9}, 0.01, 0.9),
        ({"effective_learning_rate": 0.1, "one_minus_momentum": 0.01}, 0.001, 0.99),
        ({"effective_learning_rate": 0.1}, 0.1, None),
        ({"effective_learning_rate": 0.1, "optimizer": "adam"}, 0.1, None),
        ({"one_minus_momentum": 0.25}, None, 0.75),
        ({"batch_scaled_learning_rate": 0.1, "batch_size": 256}, 0.1, None),
        ({"batch_scaled_learning_rate": 0.1, "batch_size": 8192}, 3.2, None),
        ({"batch_scaled_learning_rate": 0.08}, 0.01, None),
        ({"batch_scaled_learning_rate": 0.256, "batch_size": "full"}, NUM_TRAIN / 1000, None),
        ({"learning_rate": 0.3, "momentum": 0.5}, 0.3, 0.5),
    ],
)
def test_what_coordinates_lead_to(
    given: dict[str, Setting], learning_rate: float | None, momentum: float | None
) -> None:
    found = derived(given, num_train=NUM_TRAIN)
    assert given.items() <= found.items()
    assert found.get("learning_rate") == (None if learning_rate is None else pytest.approx(learning_rate))
    assert found.get("momentum") == (None if momentum is None else pytest.approx(momentum))
    assert found.keys() <= given.keys() | {"learning_rate", "momentum"}


@given(
    effective=st.floats(1e-12, 1e6),
    rest=st.floats(1e-9, 1),
    scaled=st.floats(1e-12, 1e6),
    size=st.integers(1, 10**9),
)
@settings(deadline=None, derandomize=True)
def test_whatever_lies_in_the_domains_can_be_trained(effective: float, rest: float, scaled: float, size: int) -> None:
    assert_trainable(derived({"effective_learning_rate": effective, "one_minus_momentum": rest}, num_train=None))
    if scaled * size / 256 <= 1e6:
        assert_trainable(derived({"batch_scaled_learning_rate": scaled, "batch_size": size}, num_train=None))


def test_a_trial_holds_the_coordinate_and_the_setting() -> None:
    space = {"effective_learning_rate": {"low": 0.01, "high": 1.0, "log": True}, "one_minus_momentum": 0.1}
    proposal = Scheduler(spec_of(space), records=[], study_attrs={}).propose()
    assert proposal is not None
    assert proposal.settings.keys() == {"effective_learning_rate", "one_minus_momentum", "learning_rate", "momentum"}
    assert proposal.settings["learning_rate"] == pytest.approx(float(proposal.settings["effective_learning_rate"]) / 10)


def test_full_is_as_large_as_the_data() -> None:
    space = {"batch_scaled_learning_rate": 0.5, "batch_size": "full"}
    proposal = Scheduler(spec_of(space), records=[], study_attrs={}).propose()
    assert proposal is not None
    assert proposal.settings["learning_rate"] == pytest.approx(0.5 * NUM_TRAIN / 256)


def test_settings_are_tried_in_the_words_of_the_space() -> None:
    scheduler = Scheduler(spec_of({"effective_learning_rate": {"low": 0.01, "high": 1.0}}), records=[], study_attrs={})
    with pytest.raises(InvalidSpec, match="this space sets it by effective_learning_rate"):
        scheduler.propose({"learning_rate": 0.1})


def test_the_baseline_in_coordinates_is_the_baseline() -> None:
    spec = spec_of(
        {
            "effective_learning_rate": {"low": 1e-3, "high": 10.0, "log": True},
            "one_minus_momentum": {"low": 1e-3, "high": 1.0, "log": True},
        }
    )
    (first,) = first_settings(spec)
    assert derived(first, num_train=NUM_TRAIN) == {
        "effective_learning_rate": 0.1,
        "one_minus_momentum": 0.1,
        "learning_rate": pytest.approx(0.01),
        "momentum": 0.9,
    }
    scaled = spec_of({"batch_scaled_learning_rate": {"low": 1e-3, "high": 1.0}, "batch_size": {"choices": [32, 64]}})
    assert derived(first_settings(scaled)[0], num_train=NUM_TRAIN)["learning_rate"] == pytest.approx(0.01)


def test_every_coordinate_is_described() -> None:
    assert all(COORDINATES.values())
