"""Whatever is wrong with the settings of a space, by themselves or together, is said with its field and a mend."""

from typing import Any

import pytest

from sweeps.checks import check_spec
from tests.sweeps.faults import assert_named

RATE = {"low": 1e-4, "high": 1.0, "log": True}


def space(**parameters: Any) -> dict[str, Any]:
    return {"space": parameters}


BAD: list[tuple[dict[str, Any], str, str]] = [
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
    (space(shuffle="yes"), "space.shuffle", "valid boolean"),
    (space(velocity="classic"), "space.velocity", "'pytorch' or 'classical'"),
    (space(velocity={"low": 0, "high": 1}), "space.velocity", "give choices"),
    (space(warmup_epochs=-1), "space.warmup_epochs", "greater than or equal to 0"),
    (space(early_stopping_patience={"low": 0, "high": 9}), "space.early_stopping_patience", "integer: true"),
    (space(optimizer="adm"), "space.optimizer", "did you mean adam?"),
    (space(schedule="cosin"), "space.schedule", "did you mean cosine?"),
    (space(schedule={"low": 0, "high": 1}), "space.schedule", "give choices"),
    (space(**{"model.width": {"low": 8, "high": 64}}), "space.model.width", "integer: true"),
    (space(**{"model.activation": "rleu"}), "space.model.activation", "'relu'"),
    (space(**{"model.widht": 8}), "space.model.widht", "did you mean model.width?"),
    # a kind with its parameters inside
    (space(schedule={"kind": "cosine", "final": 1.0}), "space.schedule.cosine.final", "less than 1"),
    (space(schedule={"kind": "cosine", "finale": 0.1}), "space.schedule.cosine.finale", "schedule.cosine.final?"),
    (space(schedule={"choices": ["constant", {"b": 3}]}), "space.schedule.choices[1]", "{kind: ...}"),
    (
        space(schedule={"choices": ["constant", {"kind": "step", "epochs": {"low": 1, "high": 9}}]}),
        "space.schedule.step.epochs",
        "integer: true",
    ),
    (
        space(schedule={"choices": [{"kind": "inverse_time", "b": {"low": 9, "high": 1}}]}),
        "space.schedule.inverse_time.b",
        "swap low and high",
    ),
    (
        space(schedule={"choices": [{"kind": "step", "gamma": 0.1}, {"kind": "step", "gamma": 0.5}]}),
        "space.schedule",
        "list it once",
    ),
    (
        space(**{"schedule": {"kind": "step", "gamma": 0.1}, "schedule.step.gamma": 0.5}),
        "space.schedule.step.gamma",
        "say it once",
    ),
    # what belongs to a choice that the space does not have
    (space(**{"schedule.cosine.final": 0.1}), "space.schedule.cosine.final", "add `schedule: cosine`"),
    (
        space(**{"schedule": {"choices": ["constant", "step"]}, "schedule.cosine.final": 0.1}),
        "space.schedule.cosine.final",
        "add cosine to the choices of schedule",
    ),
    (space(**{"optimizer.adam.beta1": 0.9}), "space.optimizer.adam.beta1", "add `optimizer: adam`"),
    (space(optimizer="adam", momentum=0.9), "space.momentum", "add sgd to the choices of optimizer"),
    (space(optimizer={"choices": ["adam", "adamw"]}, one_minus_momentum=0.1), "space.one_minus_momentum", "add sgd"),
    (
        space(optimizer={"choices": ["sgd", "adam"]}, momentum={"choices": [0.5], "when": {"optimizer": "adam"}}),
        "space.momentum.when.optimizer",
        "give `when: {optimizer: sgd}`",
    ),
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
    (space(momentum_schedule="ramp"), "space.momentum_schedule", "momentum that it ramps up to"),
    (
        space(momentum_schedule={"choices": ["constant", "ramp"]}, momentum=0),
        "space.momentum_schedule",
        "for example 0.9",
    ),
    (space(nesterov=True, momentum=0.9, dampening=0.5), "space.dampening", "leave one of them out"),
    (space(lr_decay=0.1, schedule="cosine"), "space.lr_decay", "when: {schedule: constant}"),
    (space(lr_decay={"low": 0, "high": 1}, schedule={"choices": ["constant", "step"]}), "space.lr_decay", "leave one"),
    (space(dampening=0.1, momentum=0.9, velocity="classical"), "space.dampening", "when: {velocity: pytorch}"),
    (space(nesterov=True, one_minus_momentum=1.0), "space.nesterov", "momentum above 0"),
    (space(learning_rate=RATE, effective_learning_rate=RATE), "space.effective_learning_rate", "leave one of them out"),
    (space(learning_rate="auto", batch_scaled_learning_rate=RATE), "space.batch_scaled_learning_rate", "leave one"),
    (space(momentum=0.9, one_minus_momentum=0.1), "space.one_minus_momentum", "leave one of them out"),
    (space(one_minus_momentum={"low": 0.0, "high": 1.0}), "space.one_minus_momentum", "greater than or equal to 0."),
    (space(effective_learning_rate=0), "space.effective_learning_rate", "greater than or equal to 0.0000"),
    (space(batch_scaled_learning_rate=1e6, batch_size=512), "space.batch_scaled_learning_rate", "lower it"),
]


@pytest.mark.parametrize(("raw", "field", "mend"), BAD, ids=[f"{field}: {mend}" for _, field, mend in BAD])
def test_a_fault_is_named_with_its_field_and_mend(raw: dict[str, Any], field: str, mend: str) -> None:
    assert_named(raw, field=field, mend=mend)


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
        {"nesterov": True, "one_minus_momentum": {"low": 0.01, "high": 1.0, "log": True}},
        {
            "lr_decay": {"low": 0, "high": 1, "when": {"schedule": "constant"}},
            "schedule": {"choices": ["constant", "step"]},
        },
        {"lr_decay": 0.0, "schedule": "step"},
        {"lr_decay": 0.1, "schedule": "constant"},
        {
            "dampening": {"choices": [0.0, 0.5], "when": {"velocity": "pytorch"}},
            "velocity": {"choices": ["pytorch", "classical"]},
        },
        {"optimizer": {"choices": ["sgd", "adam"]}, "momentum": {"low": 0, "high": 0.9}, "nesterov": True},
        {"optimizer": "adam", "effective_learning_rate": {"low": 1e-4, "high": 1}},
        {"learning_rate": "auto", "momentum": {"low": 0, "high": 0.9}},
        {"schedule": {"kind": "cosine", "when": {"shuffle": True}}, "shuffle": {"choices": [True, False]}},
        {"problem.depth": {"low": 1, "high": 9, "integer": True}},
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
