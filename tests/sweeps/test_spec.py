"""What a sweep is asked to do: its defaults, its JSON, and what is stored of it."""

import json
from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.pruner_spec import AshaPruner
from sweeps.space.parameters import Choices
from sweeps.spec import SweepSpec, first_settings, resolved
from trainer.config import Limits, MetricConfig

SMALLEST: dict[str, Any] = {"problem": {"dataset": "digits"}}
FULL: dict[str, Any] = {
    "name": "digits-sgd",
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [64]}},
    "space": {
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "momentum": {"low": 0.0, "high": 0.99},
        "weight_decay": 0.001,
        "batch_size": {"choices": [16, 32, "full"]},
        "nesterov": {"choices": [True, False]},
        "lr_decay": {"low": 1e-6, "high": 1e-2, "log": True, "when": {"nesterov": True}},
        "dampening": {"low": 0, "high": 1, "step": 0.25, "when": {"nesterov": [False]}},
    },
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "sampler": {"kind": "tpe", "seed": 7},
    "pruner": {"kind": "hyperband", "min_epochs": 2, "reduction_factor": 4},
    "budget": {"trials": 10, "epochs": 5, "seconds": 60, "parallel": 4},
    "limits": {"attempts": 1, "trial_seconds": 2.5, "hang_seconds": 12, "memory_mb": 500},
    "keep": {"weights": 0},
    "seed": 3,
    "engine": "serial",
    "precision": "bfloat16",
    "first": ["baseline", {"learning_rate": 0.1, "nesterov": False, "dampening": 0.5}],
    "mlflow": {"experiment": "mine"},
}


def resolve(raw: dict[str, Any], *, num_train: int | None = 1000) -> SweepSpec:
    metric = MetricConfig(name="val_accuracy", goal="maximize")
    return resolved(check_spec(raw), name="digits-1", sampler_seed=99, default_metric=metric, num_train=num_train)


def test_everything_but_the_problem_has_a_default() -> None:
    spec = check_spec(SMALLEST)
    assert spec.model_dump(mode="json") == {
        "name": None,
        "problem": {
            "dataset": "digits",
            "plugin": None,
            "model": None,
            "digest": None,
            "settings": {},
            "metrics": [],
        },
        "space": "sgd-basic",
        "metric": None,
        "sampler": {"kind": "qmc", "seed": None},
        "pruner": {"kind": "asha", "min_epochs": 2, "reduction_factor": 3},
        "budget": {"trials": 200, "epochs": 20, "seconds": None, "parallel": "auto"},
        "limits": {
            "attempts": 3,
            "failed_trials": 20,
            "consecutive_failures": 5,
            "trial_seconds": None,
            "hang_seconds": 300.0,
            "memory_mb": None,
        },
        "keep": {"weights": 3},
        "seed": 0,
        "engine": "auto",
        "precision": "float32",
        "first": ["baseline"],
        "mlflow": {"experiment": None},
        "num_train": None,
    }


@pytest.mark.parametrize("raw", [SMALLEST, FULL])
def test_a_spec_survives_json(raw: dict[str, Any]) -> None:
    for spec in (check_spec(raw), resolve(raw)):
        text = spec.model_dump_json()
        assert SweepSpec.model_validate_json(text) == spec
        assert check_spec(json.loads(text)).model_dump_json() == text


def test_the_resolved_spec_names_what_really_runs() -> None:
    spec = resolve(SMALLEST)
    assert (spec.name, spec.engine, spec.sampler.kind, spec.sampler.seed) == ("digits-1", "auto", "qmc", 99)
    assert spec.goal_metric == MetricConfig(name="val_accuracy", goal="maximize")
    assert spec.pruner == AshaPruner(min_epochs=2, reduction_factor=3)
    assert list(spec.search_space.parameters) == ["batch_size", "learning_rate", "momentum", "weight_decay"]


def test_resolving_keeps_what_was_said_and_changes_nothing_the_second_time() -> None:
    spec = resolve(FULL)
    assert (spec.name, spec.sampler.seed, spec.seed) == ("digits-sgd", 7, 3)
    again = resolved(spec, name="x", sampler_seed=1, default_metric=MetricConfig(), num_train=1000)
    assert again == spec
    on_other_data = resolved(spec, name="x", sampler_seed=1, default_metric=MetricConfig(), num_train=1)
    assert on_other_data == spec.model_copy(update={"num_train": 1})


@pytest.mark.parametrize(
    ("name", "goal"), [("val_loss", "minimize"), ("val_r2", "maximize"), ("train_loss", "minimize")]
)
def test_a_metric_without_a_goal_gets_the_one_its_name_says(name: str, goal: str) -> None:
    assert resolve(SMALLEST | {"metric": {"name": name}}).goal_metric.goal == goal


def test_a_preset_leaves_out_batches_larger_than_the_data() -> None:
    assert resolve(SMALLEST, num_train=100).search_space.parameters["batch_size"] == Choices(choices=(16, 32, 64))
    assert resolve(SMALLEST, num_train=9).search_space.parameters["batch_size"] == Choices(choices=("full",))


def test_first_settings_are_the_baseline_in_the_space_and_what_was_listed() -> None:
    baseline, listed = first_settings(resolve(FULL))
    assert baseline == {
        "learning_rate": 0.01,
        "momentum": 0.9,
        "weight_decay": 0.001,
        "batch_size": 32,
        "nesterov": False,
        "dampening": 0.0,
    }
    assert listed == {"learning_rate": 0.1, "nesterov": False, "dampening": 0.5}


def test_the_limits_of_a_child_are_those_of_the_spec() -> None:
    assert resolve(FULL).limits.of_child() == Limits(hang_seconds=12, memory_mb=500)


def test_the_schema_can_be_written_down() -> None:
    schema = SweepSpec.model_json_schema()
    assert schema["required"] == ["problem"]
    assert schema["additionalProperties"] is False
