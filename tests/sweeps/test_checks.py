"""Whatever is wrong with a sweep is said with its field and a mend."""

import math
from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.wrong import InvalidSpec
from tests.sweeps.faults import assert_named

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
    ({"engine": "stacked"}, "engine", "use 'auto', 'serial' or 'fused'"),
    ({"precision": "bf16"}, "precision", "use 'float32' or 'bfloat16'"),
    ({"problem": {"dataset": "d", "model": {"kind": "mpl"}}}, "problem.model.kind", "did you mean mlp?"),
    ({"space": "sgd"}, "space", "sgd-basic"),
    ({"first": ["base"]}, "first[0]", "baseline"),
    (space(learning_rat=0.1), "space.learning_rat", "did you mean learning_rate?"),
    (space(learning_rate=RATE | {"lo": 1}), "space.learning_rate.lo", "did you mean low?"),
    # not built yet
    ({"sampler": {"kind": "auto"}}, "sampler", "use tpe"),
    ({"sampler": {"kind": "gp"}}, "sampler", "use tpe"),
    ({"pruner": {"kind": "rungs"}}, "pruner", "use asha"),
    # of the wrong form
    ({"sampler": "tpe"}, "sampler", "write {kind: tpe}"),
    ({"pruner": None}, "pruner", "give {kind: ...}"),
    ({"budget": 5}, "budget", "give an object"),
    ({"space": {}}, "space", "give at least one"),
    ({"problem": {}}, "problem.dataset", "give it, or a plugin"),
    ({"problem": {"dataset": "d", "plugin": "p"}}, "problem.plugin", "leave one of them out"),
    ({"problem": {"dataset": "d", "model": {"kind": "cnn", "chanels": [4]}}}, "problem.model.chanels", "did you mean"),
    ({"problem": {"plugin": "p", "settings": {"depth": None}}}, "problem.settings.depth", "give one value"),
    ({"problem": {"plugin": "p", "settings": {"depth": [1]}}}, "problem.settings.depth", "give one value"),
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
    # samplers that cannot search the space
    (space(learning_rate="auto") | {"sampler": {"kind": "grid"}}, "space.learning_rate", "give a step"),
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
    (space(learning_rate="auto") | {"first": [{"learning_rate": 0.1}]}, "first[0].learning_rate", "leave it out"),
    (
        space(effective_learning_rate=RATE) | {"first": [{"learning_rate": 0.1}]},
        "first[0].learning_rate",
        "this space sets it by effective_learning_rate",
    ),
    (
        space(nesterov=True, momentum={"choices": [0, 0.9]}) | {"first": [{"momentum": 0}]},
        "first[0].momentum",
        "a momentum above 0",
    ),
    (
        space(nesterov={"choices": [True, False]}, one_minus_momentum={"low": 0.01, "high": 1})
        | {"first": [{"nesterov": True, "one_minus_momentum": 1}]},
        "first[0].one_minus_momentum",
        "nesterov false",
    ),
]


@pytest.mark.parametrize(("raw", "field", "mend"), BAD, ids=[f"{field}: {mend}" for _, field, mend in BAD])
def test_a_fault_is_named_with_its_field_and_mend(raw: dict[str, Any], field: str, mend: str) -> None:
    assert_named(raw, field=field, mend=mend)


@pytest.mark.parametrize("raw", [None, 3, "x", [], {}, {"\ud800": 1}, {"pruner": {"kind": "\ud800"}}])
def test_what_is_no_sweep_at_all_is_said_so(raw: Any) -> None:
    with pytest.raises(InvalidSpec):
        check_spec(raw)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "d"}, "budget": {"trials": 0}, "sampler": {"kind": "gp"}, "engine": "fast"})
    assert [error.field for error in caught.value.errors] == ["sampler", "budget.trials", "engine"]


def test_very_many_faults_are_not_all_named() -> None:
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "d"}} | {f"field{index}": 1 for index in range(10_000)})
    assert len(caught.value.errors) == 50
