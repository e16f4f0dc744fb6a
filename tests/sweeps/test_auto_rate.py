"""A learning rate whose bounds a range test finds."""

from typing import Any

import pytest
from pydantic import ValidationError

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.space.parameters import Range
from sweeps.spec import SweepSpec, first_settings, resolved, with_bounds
from sweeps.wrong import InvalidSpec
from trainer.config import MetricConfig


def spec_of(space: Any, **fields: Any) -> SweepSpec:
    spec = check_spec({"problem": {"dataset": "digits"}, "space": space} | fields)
    return resolved(spec, name="n", sampler_seed=5, default_metric=MetricConfig(), num_train=1078)


def test_a_resolved_spec_still_says_that_bounds_are_to_be_found() -> None:
    spec = spec_of({"learning_rate": "auto", "momentum": {"low": 0, "high": 0.9}})
    assert spec.needs_range_test
    assert not spec.only_range_test
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec


def test_the_bounds_take_its_place() -> None:
    spec = spec_of({"learning_rate": "auto", "schedule": {"kind": "cosine", "final": 0.1}})
    assert spec.search_space.parameters["learning_rate"] == "auto"
    bounded = with_bounds(spec, low=0.02, high=0.5)
    assert not bounded.needs_range_test
    assert bounded.search_space.parameters["learning_rate"] == Range(low=0.02, high=0.5, log=True)
    assert first_settings(bounded) == [
        {"learning_rate": 0.02, "schedule": "cosine", "schedule.cosine.final": 0.1},
    ]
    assert bounded.model_dump(exclude={"space"}) == spec.model_dump(exclude={"space"})
    proposal = Scheduler(bounded, records=[], study_attrs={}).propose()
    assert proposal is not None
    assert 0.02 <= float(proposal.settings["learning_rate"]) <= 0.5


def test_bounds_that_are_none_are_refused() -> None:
    with pytest.raises(ValidationError):
        with_bounds(spec_of({"learning_rate": "auto"}), low=0.5, high=0.02)


def test_nothing_can_hang_on_a_rate_that_will_be_a_range() -> None:
    space = {"learning_rate": "auto", "momentum": {"choices": [0.5, 0.9], "when": {"learning_rate": "auto"}}}
    with pytest.raises(InvalidSpec, match=r"space\.momentum\.when\.learning_rate: is a range"):
        spec_of(space)


def test_the_preset_wants_the_range_test_alone() -> None:
    spec = spec_of("range-test")
    assert spec.needs_range_test
    assert spec.only_range_test
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    assert not spec_of("sgd-basic").needs_range_test


def test_any_sampler_of_ranges_can_search_what_will_be_found() -> None:
    for kind in ("tpe", "random", "qmc", "cmaes"):
        assert spec_of({"learning_rate": "auto"}, sampler={"kind": kind}).needs_range_test
