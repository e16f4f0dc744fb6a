"""Whatever is wrong with a sweep is said with its field and a mend."""

import math
from typing import Any

import pytest

from sweeps.checks import check_data, check_spec
from sweeps.wrong import InvalidSpec

RATE = {"low": 1e-4, "high": 1.0, "log": True}


def space(**parameters: Any) -> dict[str, Any]:
    return {"space": parameters}


BAD: list[tuple[dict[str, Any], str, str]] = [
    # unknown words
    ({"bugdet": {}}, "bugdet", "did you mean budget?"),
    ({"budget": {"trails": 3}}, "budget.trails", "did you mean trials?"),
    ({"problem": {"dataset": "d", "modle": None}}, "problem.modle", "did you mean model?"),
    ({"sampler": {"kind": "magic"}}, "sampler.kind", "'tpe', 'random', 'qmc', 'grid' or 'cmaes'"),
    ({"pruner": {"kind": "ahsa"}}, "pruner.kind", "did you mean asha?"),
    ({"pruner": {"min_epoch": 3}}, "pruner.min_epoch", "did you mean min_epochs?"),
    ({"metric": {"name": "val_loss", "goal": "up"}}, "metric.goal", "minimize"),
    ({"problem": {"dataset": "d", "model": {"kind": "mpl"}}}, "problem.model.kind", "did you mean mlp?"),
    ({"space": "sgd"}, "space", "sgd-basic"),
    ({"first": ["base"]}, "first[0]", "baseline"),
    (space(learning_rat=0.1), "space.learning_rat", "did you mean learning_rate?"),
    (space(learning_rate=RATE | {"lo": 1}), "space.learning_rate.lo", "did you mean low?"),
    # not built yet
    ({"sampler": {"kind": "auto"}}, "sampler", "use tpe"),
    ({"sampler": {"kind": "gp"}}, "sampler", "use tpe"),
    ({"pruner": {"kind": "rungs"}}, "pruner", "use asha"),
    ({"engine": "fused"}, "engine", "use auto or serial"),
    ({"problem": {"plugin": "mine"}}, "problem", "name a dataset"),
    (space(schedule={"choices": ["constant", {"kind": "inverse_time"}]}), "space.schedule", "leave it out"),
    (space(schedule="constant"), "space.schedule", "leave it out"),
    # of the wrong form
    ({"sampler": "tpe"}, "sampler", "write {kind: tpe}"),
    ({"pruner": None}, "pruner", "give {kind: ...}"),
    ({"budget": 5}, "budget", "give an object"),
    ({"space": {}}, "space", "give at least one"),
    ({"problem": {}}, "problem.dataset", "give it"),
    ({"name": "a\x00b"}, "name", "control character"),
    ({"mlflow": {"experiment": ""}}, "mlflow.experiment", "at least 1 character"),
    (space(learning_rate=None), "space.learning_rate", "choices, or low and high"),
    (space(learning_rate="a\x00"), "space.learning_rate", "plain text"),
    # numbers
    ({"budget": {"trials": 0}}, "budget.trials", "greater than or equal to 1"),
    ({"budget": {"epochs": "20"}}, "budget.epochs", "integer"),
    ({"budget": {"seconds": math.nan}}, "budget.seconds", "finite"),
    ({"budget": {"parallel": 0}}, "budget.parallel", "greater than or equal to 1"),
    ({"limits": {"hang_seconds": 9.9}}, "limits.hang_seconds", "greater than or equal to 10"),
    ({"limits": {"attempts": -1}}, "limits.attempts", "greater than or equal to 1"),
    ({"seed": 2**63}, "seed", "less than or equal to"),
    (space(learning_rate=math.nan), "space.learning_rate", "finite"),
    (space(learning_rate={"low": 0.1, "high": math.inf}), "space.learning_rate.high", "finite"),
    (space(learning_rate={"choices": [0.1, math.nan]}), "space.learning_rate.choices[1]", "finite"),
    (space(learning_rate={"low": 1.0, "high": 0.1}), "space.learning_rate", "swap low and high"),
    (space(lr_decay={"low": 0.0, "high": 0.1, "log": True}), "space.lr_decay", "above 0"),
    (space(learning_rate=RATE | {"step": 0.1}), "space.learning_rate", "leave one of them out"),
    (space(lr_decay={"low": 0, "high": 1, "step": 1e-300}), "space.lr_decay", "larger step"),
    (space(batch_size={"low": 1.5, "high": 9, "integer": True}), "space.batch_size", "whole numbers"),
    (space(batch_size={"choices": []}), "space.batch_size", "at least one value"),
    (space(batch_size={"choices": [16, 32, 16]}), "space.batch_size", "each value once"),
    # outside what a setting can be
    (space(learning_rate=0.0), "space.learning_rate", "greater than 0"),
    (space(learning_rate="fast"), "space.learning_rate", "valid number"),
    (space(learning_rate={"low": 0.0, "high": 1.0}), "space.learning_rate", "greater than 0"),
    (space(momentum={"low": 0.0, "high": 1.0}), "space.momentum", "less than 1"),
    (space(momentum={"choices": [0.9, 1.5]}), "space.momentum", "less than 1"),
    (space(batch_size=0), "space.batch_size", "greater than or equal to 1"),
    (space(batch_size="all"), "space.batch_size", "full"),
    (space(batch_size=16.5), "space.batch_size", "integer"),
    (space(batch_size={"low": 1, "high": 64}), "space.batch_size", "integer: true"),
    (space(nesterov={"low": 0, "high": 1}), "space.nesterov", "[true, false]"),
    # conditions
    (
        space(lr_decay={"choices": [0.1], "when": {"momentun": 0.9}}, momentum=0.9),
        "space.lr_decay.when.momentun",
        "moment",
    ),
    (
        space(lr_decay={"choices": [0.1], "when": {"momentum": 0.5}}, momentum={"choices": [0.0, 0.9]}),
        "space.lr_decay.when.momentum",
        "one of 0.0, 0.9",
    ),
    (
        space(lr_decay={"choices": [0.1], "when": {"momentum": 0.5}}, momentum={"low": 0.0, "high": 0.9}),
        "space.lr_decay.when.momentum",
        "choices",
    ),
    (
        space(
            lr_decay={"choices": [0.1, 0.2], "when": {"momentum": 0.5}},
            momentum={"choices": [0.5, 0.9], "when": {"lr_decay": 0.1}},
        ),
        "space.lr_decay.when",
        "take one of the conditions out",
    ),
    # settings that do not go together
    (space(nesterov=True), "space.nesterov", "momentum above 0"),
    (space(nesterov={"choices": [True, False]}, momentum=0.0), "space.nesterov", "momentum above 0"),
    (space(nesterov=True, momentum=0.9, dampening=0.5), "space.dampening", "leave one of them out"),
    # samplers that cannot search the space
    (space(learning_rate=RATE) | {"sampler": {"kind": "grid"}}, "space.learning_rate", "give a step"),
    ({"sampler": {"kind": "grid"}}, "space.learning_rate", "give a step"),
    (
        space(batch_size={"low": 1, "high": 200_000, "integer": True}) | {"sampler": {"kind": "grid"}},
        "space",
        "larger steps",
    ),
    (space(batch_size={"choices": [1, 2]}) | {"sampler": {"kind": "cmaes"}}, "sampler.kind", "use tpe"),
    # first settings outside the space
    ({"first": [{"learning_rate": 7.0}]}, "first[0].learning_rate", "from 0.0001 to 1"),
    ({"first": ["baseline", {"nesterov": True}]}, "first[1].nesterov", "momentum"),
    ({"first": [{"learning_rate": math.nan}]}, "first[0].learning_rate", "finite"),
]


@pytest.mark.parametrize(("raw", "field", "mend"), BAD, ids=[f"{field}: {mend}" for _, field, mend in BAD])
def test_a_fault_is_named_with_its_field_and_mend(raw: dict[str, Any], field: str, mend: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "digits"}} | raw)
    fault = caught.value.errors[0]
    assert fault.field == field
    assert fault.message
    assert mend in fault.mend


@pytest.mark.parametrize("raw", [None, 3, "x", [], {}, {"\ud800": 1}, {"pruner": {"kind": "\ud800"}}])
def test_what_is_no_sweep_at_all_is_said_so(raw: Any) -> None:
    with pytest.raises(InvalidSpec):
        check_spec(raw)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "d"}, "budget": {"trials": 0}, "sampler": {"kind": "gp"}, "engine": "fused"})
    assert [error.field for error in caught.value.errors] == ["sampler", "budget.trials", "engine"]


def test_very_many_faults_are_not_all_named() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "d"}} | {f"field{index}": 1 for index in range(10_000)})
    assert len(caught.value.errors) == 50


@pytest.mark.parametrize(
    "parameters",
    [
        {"nesterov": {"choices": [True, False]}, "momentum": {"low": 0.0, "high": 0.9}},
        {
            "nesterov": {"choices": [True, False]},
            "momentum": 0.9,
            "dampening": {"low": 0, "high": 1, "when": {"nesterov": False}},
        },
        {
            "nesterov": {"choices": [True], "when": {"dampening": 0}},
            "momentum": 0.9,
            "dampening": {"choices": [0, 0.5]},
        },
        {"nesterov": False, "dampening": 0.5},
        {"batch_size": "full", "learning_rate": 1},
        {"batch_size": {"low": 1, "high": 64, "integer": True, "log": True}},
        {
            "lr_decay": {"low": 0, "high": 1, "when": {"batch_size": [1, "full"]}},
            "batch_size": {"choices": [1, 16, "full"]},
        },
    ],
)
def test_what_goes_together_is_accepted(parameters: dict[str, Any]) -> None:
    assert check_spec({"problem": {"dataset": "d"}, "space": parameters})


def test_a_batch_larger_than_the_data_is_named_wherever_it_stands() -> None:
    raw = {
        "problem": {"dataset": "d"},
        "space": {"batch_size": {"choices": [16, 128, "full"]}},
        "first": ["baseline", {"batch_size": 128}],
    }
    errors = check_data(check_spec(raw), num_train=106)
    assert {error.field for error in errors} == {"space.batch_size", "first[1].batch_size"}
    assert all("106" in error.mend for error in errors)
    assert check_data(check_spec(raw), num_train=128) == ()


def test_a_range_of_batches_beyond_the_data_is_too_large() -> None:
    spec = check_spec({"problem": {"dataset": "d"}, "space": {"batch_size": {"low": 1, "high": 200, "integer": True}}})
    assert [error.field for error in check_data(spec, num_train=199)] == ["space.batch_size"]
