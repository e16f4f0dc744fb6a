"""How a space may be written, and the flat paths that it stands for."""

from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.spec import SweepSpec, parameters_of, resolved
from tests.service.json_schema import faults
from trainer.config import MetricConfig

B = {"low": 10, "high": 1e4, "log": True}
INSIDE = {"choices": ["constant", {"kind": "inverse_time", "b": B}, "anneal_on_plateau"]}


def flat(space: dict[str, Any]) -> dict[str, Any]:
    """The resolved space as JSON, without what is at its default."""
    spec = check_spec({"problem": {"dataset": "digits"}, "space": space})
    spec = resolved(spec, name="n", sampler_seed=1, default_metric=MetricConfig(), num_train=100)
    again = check_spec(spec.model_dump(mode="json"))
    assert resolved(again, name="x", sampler_seed=2, default_metric=MetricConfig(), num_train=100) == spec
    found: dict[str, Any] = spec.model_dump(mode="json", exclude_defaults=True)["space"]
    return found


def against_the_schema(body: dict[str, Any]) -> list[str]:
    schema = SweepSpec.model_json_schema()
    definitions = {"$defs": schema.pop("$defs")}
    return [*faults(definitions, schema, body)]


WRITTEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"schedule": "cosine"}, {"schedule": "cosine"}),
    ({"schedule": {"kind": "cosine", "final": 0.1}}, {"schedule": "cosine", "schedule.cosine.final": 0.1}),
    (
        {"schedule": INSIDE},
        {
            "schedule": {"choices": ["constant", "inverse_time", "anneal_on_plateau"]},
            "schedule.inverse_time.b": B | {"when": {"schedule": ["inverse_time"]}},
        },
    ),
    (
        {"schedule": {"choices": ["step", "constant"]}, "schedule.step.gamma": 0.5},
        {
            "schedule": {"choices": ["step", "constant"]},
            "schedule.step.gamma": {"choices": [0.5], "when": {"schedule": ["step"]}},
        },
    ),
    (
        {"momentum_schedule": {"kind": "ramp", "start": {"choices": [0.3, 0.5]}}, "momentum": 0.9},
        {"momentum_schedule": "ramp", "momentum_schedule.ramp.start": {"choices": [0.3, 0.5]}, "momentum": 0.9},
    ),
    (
        {"optimizer": {"choices": ["sgd", {"kind": "adam", "beta1": 0.8}]}, "momentum": {"low": 0, "high": 0.9}},
        {
            "optimizer": {"choices": ["sgd", "adam"]},
            "optimizer.adam.beta1": {"choices": [0.8], "when": {"optimizer": ["adam"]}},
            "momentum": {"low": 0.0, "high": 0.9, "when": {"optimizer": ["sgd"]}},
        },
    ),
    (
        {
            "optimizer": {"choices": ["sgd", "adam"]},
            "momentum": {"low": 0.5, "high": 0.9},
            "momentum_schedule": {"kind": "ramp", "start": 0.3},
        },
        {
            "optimizer": {"choices": ["sgd", "adam"]},
            "momentum": {"low": 0.5, "high": 0.9, "when": {"optimizer": ["sgd"]}},
            "momentum_schedule": {"choices": ["ramp"], "when": {"optimizer": ["sgd"]}},
            "momentum_schedule.ramp.start": {"choices": [0.3], "when": {"momentum_schedule": ["ramp"]}},
        },
    ),
    (
        {
            "schedule": {"kind": "step", "gamma": 0.5, "when": {"nesterov": False}},
            "nesterov": {"choices": [True, False]},
            "momentum": 0.9,
        },
        {
            "schedule": {"choices": ["step"], "when": {"nesterov": [False]}},
            "schedule.step.gamma": {"choices": [0.5], "when": {"schedule": ["step"]}},
            "nesterov": {"choices": [True, False]},
            "momentum": 0.9,
        },
    ),
]


@pytest.mark.parametrize(("written", "meant"), WRITTEN)
def test_a_kind_with_its_parameters_stands_for_flat_paths_with_conditions(
    written: dict[str, Any], meant: dict[str, Any]
) -> None:
    assert flat(written) == meant
    assert flat(meant) == meant


@pytest.mark.parametrize("written", [pair[0] for pair in WRITTEN])
def test_the_schema_allows_what_can_be_written(written: dict[str, Any]) -> None:
    assert against_the_schema({"problem": {"dataset": "digits"}, "space": written}) == []


@pytest.mark.parametrize(
    "space",
    [
        {},
        "sgd",
        {"schedule": {"kind": 3}},
        {"schedule": {"choices": []}},
        {"schedule": {"choices": [{"b": 3}]}},
        {"a": []},
    ],
)
def test_the_schema_forbids_what_is_refused(space: Any) -> None:
    assert against_the_schema({"problem": {"dataset": "digits"}, "space": space})


def test_another_optimizer_is_one_line() -> None:
    raw: dict[str, Any] = {
        "problem": {"dataset": "digits"},
        "space": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "optimizer": {"choices": ["sgd", "adam"]}},
    }
    parameters = parameters_of(check_spec(raw))
    assert {name for name, each in parameters.items() if getattr(each, "when", {}) == {"optimizer": ("sgd",)}} == {
        "momentum",
        "nesterov",
    }
