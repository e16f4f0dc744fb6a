"""Settings that cannot be, alone or together, over HTTP: a 422 that names the field, soon, and nothing is stored."""

import json
import time
from typing import Any

import pytest

from tests.service.api_house import SMALL, ApiHouse, problem
from tests.service.scripted_worker import ScriptedWorker
from trainer.facts import ProblemFacts

RATE = {"low": 1e-4, "high": 1.0, "log": True}
COSINE = {"kind": "cosine", "final": {"low": 0.0, "high": 0.5}}
CONSTANT_OR_COSINE = {"choices": ["constant", COSINE]}
DIGITS = {"dataset": "digits"}
TINY = {"plugin": "tiny"}
TINY_FACTS = ProblemFacts(
    name="tiny",
    kind="plugin",
    task="classification",
    description="Tiny.",
    digest="a" * 64,
    settings={"problem.width": "How wide."},
    defaults={"problem.width": 4},
)

BAD_SPACES: dict[str, tuple[dict[str, Any], str]] = {
    # lr_decay beside a schedule other than constant
    "decay, cosine": ({"lr_decay": 1e-3, "schedule": "cosine"}, "lr_decay"),
    "decay, a kind": ({"lr_decay": RATE, "schedule": {"kind": "inverse_time", "b": 10}}, "lr_decay"),
    "decay, choices": ({"lr_decay": {"choices": [0, 1e-3]}, "schedule": CONSTANT_OR_COSINE}, "lr_decay"),
    "decay, when": (
        {"lr_decay": RATE | {"when": {"schedule": "step"}}, "schedule": {"choices": ["constant", "step"]}},
        "lr_decay",
    ),
    # dampening with the classical form
    "dampening": ({"dampening": 0.1, "velocity": "classical", "momentum": 0.9}, "dampening"),
    "dampening, choices": (
        {"dampening": {"choices": [0, 0.1]}, "velocity": {"choices": ["pytorch", "classical"]}, "momentum": 0.9},
        "dampening",
    ),
    "dampening, adam": ({"dampening": 0.1, "optimizer": "adam"}, "dampening"),
    # a schedule's parameter without the schedule
    "no schedule": ({"schedule.cosine.final": 0.1}, "schedule.cosine.final"),
    "another schedule": ({"schedule": "step", "schedule.cosine.final": 0.1}, "schedule.cosine.final"),
    "another kind's": ({"schedule": {"kind": "cosine", "b": 10}}, "schedule.cosine.b"),
    "said twice": ({"schedule": COSINE, "schedule.cosine.final": 0.1}, "schedule.cosine.final"),
    "when another": (
        {"schedule": {"kind": "cosine", "final": {"low": 0, "high": 0.5, "when": {"schedule": "step"}}}},
        "schedule.cosine.final.when.schedule",
    ),
    "no ramp": ({"momentum": 0.9, "momentum_schedule.ramp.start": 0.5}, "momentum_schedule.ramp.start"),
    "no adam": ({"optimizer": "adamw", "optimizer.adam.beta1": 0.5}, "optimizer.adam.beta1"),
    # kinds
    "unknown": ({"schedule": {"kind": "warm", "x": 1}}, "schedule"),
    "no text": ({"schedule": {"kind": ["cosine"]}}, "schedule"),
    "an object": ({"schedule": {"kind": {"kind": "cosine"}}}, "schedule"),
    "kinds in kinds": ({"schedule": {"kind": "cosine", "final": {"kind": "cosine"}}}, "schedule.cosine.final"),
    "rubbish": ({"schedule": {"choices": [None, 1, True, [], {}]}}, "schedule.choices"),
    "a list": ({"optimizer": ["sgd"]}, "optimizer"),
    "a kind twice": ({"schedule": {"choices": ["cosine", COSINE]}}, "schedule"),
    "a path as a kind": ({"schedule": {"kind": "../x", "a": 1}}, "schedule.../x.a"),
    # conditions
    "a circle": (
        {
            "schedule": {"choices": ["constant", "cosine"], "when": {"optimizer": "sgd"}},
            "optimizer": {"choices": ["sgd", "adam"], "when": {"schedule": "constant"}},
        },
        "optimizer.when",
    ),
    "a circle by what is implied": (
        {"optimizer": {"choices": ["sgd", "adam"], "when": {"momentum": 0.9}}, "momentum": {"choices": [0.5, 0.9]}},
        "momentum.when",
    ),
    "itself": ({"schedule": COSINE | {"when": {"schedule": "cosine"}}}, "schedule.when"),
    # coordinates
    "two rates": ({"effective_learning_rate": RATE}, "effective_learning_rate"),
    "two momenta": ({"momentum": 0.9, "one_minus_momentum": 0.1}, "one_minus_momentum"),
    # auto
    "auto momentum": ({"momentum": "auto"}, "momentum"),
    "auto, a choice": ({"learning_rate": {"choices": ["auto", 0.1]}}, "learning_rate"),
    "auto, a bound": ({"learning_rate": {"low": "auto", "high": 1.0}}, "learning_rate.low"),
    # models and plugins
    "another model's": ({"model.blocks": 2}, "model.blocks"),
    "of no plugin": ({"problem.width": 2}, "problem.width"),
    # thousands
    "many kinds": ({"schedule": {"choices": [{"kind": f"c{number}", "a": 1} for number in range(20_000)]}}, ""),
}


@pytest.mark.parametrize("name", BAD_SPACES)
def test_a_bad_space(api_house: ApiHouse, name: str) -> None:
    space, field = BAD_SPACES[name]
    check_refused(api_house, change={"space": {"learning_rate": RATE, **space}}, field=f"space.{field}".rstrip("."))


BAD_PROBLEMS: dict[str, tuple[dict[str, Any], str]] = {
    "cnn on a table": ({"problem": {"dataset": "wine", "model": {"kind": "cnn"}}}, "problem.model"),
    "a model where one is brought": ({"problem": {"dataset": "quadratic", "model": {"kind": "mlp"}}}, "problem.model"),
    "a text as width": (
        {"problem": DIGITS | {"model": {"kind": "mlp", "hidden": ["64"]}}},
        "problem.model.hidden[0]",
    ),
    "true as width": ({"problem": DIGITS | {"model": {"kind": "mlp", "hidden": [True]}}}, "problem.model.hidden[0]"),
    "a text as share": ({"problem": DIGITS | {"model": {"kind": "mlp", "dropout": "0.5"}}}, "problem.model.dropout"),
    "metrics of another task": ({"problem": DIGITS | {"metrics": ["val_r2"]}}, "problem.metrics"),
    "metrics as a text": ({"problem": DIGITS | {"metrics": "val_auc"}}, "problem.metrics"),
    "an unknown plugin": ({"problem": {"plugin": "nope", "settings": {"x": 1}}}, "problem.plugin"),
    "a setting that it has not": ({"problem": TINY | {"settings": {"depth": 1}}}, "problem.settings.depth"),
    "a text for an integer": ({"problem": TINY | {"settings": {"width": "wide"}}}, "problem.settings.width"),
    "a long text": ({"problem": TINY | {"settings": {"width": "x" * 500_000}}}, "problem.settings.width"),
    "a text with a NUL": ({"problem": TINY | {"settings": {"width": "a\0b"}}}, "problem.settings.width"),
    "4,000 digits": ({"problem": TINY | {"settings": {"width": 10**4000}}}, "problem.settings.width"),
    "half a character": ({"problem": TINY | {"settings": {"width": "\ud800"}}}, "body"),
    "NaN": ({"problem": TINY | {"settings": {"width": float("nan")}}}, "problem.settings.width"),
    "choices of texts for an integer": (
        {"problem": TINY, "space": {"learning_rate": RATE, "problem.width": {"choices": ["a", "b"]}}},
        "space.problem.width",
    ),
    "a nested form to try first": (
        {"space": {"learning_rate": RATE, "schedule": CONSTANT_OR_COSINE}, "first": [{"schedule": {"kind": "cosine"}}]},
        "first[0].schedule",
    ),
    "a parameter without its schedule to try first": (
        {"space": {"learning_rate": RATE, "schedule": CONSTANT_OR_COSINE}, "first": [{"schedule.cosine.final": 0.1}]},
        "first[0].schedule.cosine.final",
    ),
    "a rate to try first that a range test would find": (
        {"space": {"learning_rate": "auto"}, "first": [{"learning_rate": 0.1}]},
        "first[0].learning_rate",
    ),
}


@pytest.mark.parametrize("name", BAD_PROBLEMS)
def test_a_bad_problem(api_house: ApiHouse, name: str) -> None:
    ScriptedWorker(api_house.house.coordinator).say(problems=(TINY_FACTS,))
    change, field = BAD_PROBLEMS[name]
    check_refused(api_house, change=change, field=field)


@pytest.mark.parametrize(
    "value", ["x" * 900_000, 10**4000, {"kind": "cosine"}, [1], None, "\0", "\ud800", float("nan")]
)
def test_a_bad_value_to_try_next(api_house: ApiHouse, value: Any) -> None:
    sweep_id = api_house.create()
    body, headers = json.dumps({"settings": {"momentum": value}}), {"Content-Type": "application/json"}
    answer = api_house.ask("POST", f"/v1/sweeps/{sweep_id}/trials", content=body, headers=headers)
    (error,) = problem(answer, 422)["errors"]
    assert error["field"] == "settings.momentum"
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("body", [{"trials": "1"}, {"trials": True}, {"seconds": "60"}])
def test_a_text_is_no_number(api_house: ApiHouse, body: dict[str, Any]) -> None:
    (error,) = problem(api_house.ask("POST", f"/v1/sweeps/{api_house.create()}:extend", json=body), 422)["errors"]
    assert error["field"] in body


def check_refused(api_house: ApiHouse, *, change: dict[str, Any], field: str) -> None:
    """POST of the small sweep with a change: refused soon and shortly for the field alone, nothing stored."""
    begun_at = time.monotonic()
    body = json.dumps({**SMALL, **change})
    answer = api_house.ask("POST", "/v1/sweeps", content=body, headers={"Content-Type": "application/json"})
    assert time.monotonic() - begun_at < 2
    errors = problem(answer, 422)["errors"]
    assert all(error["field"].startswith(field) for error in errors), errors
    assert all(error["message"] and error["mend"] for error in errors)
    assert len(answer.content) < 60_000
    assert api_house.get("/v1/sweeps")["items"] == []
