"""Whether a sweep fits what it trains."""

from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.space.fitting import check_data
from sweeps.wrong import FieldError
from trainer.catalog import DATASETS
from trainer.facts import ProblemFacts

DIGITS = DATASETS["digits"]
MINE = ProblemFacts(
    name="mine",
    kind="plugin",
    task="own",
    description="A user's own.",
    settings={"problem.depth": "How deep.", "problem.rate": "How often."},
    defaults={"problem.depth": 3},
)


def errors_of(raw: dict[str, Any], *, facts: ProblemFacts) -> tuple[FieldError, ...]:
    problem = {"plugin": facts.name} if facts.kind == "plugin" else {"dataset": facts.name}
    return check_data(check_spec({"problem": problem} | raw), facts=facts)


@pytest.mark.parametrize(
    ("raw", "field", "mend"),
    [
        ({"space": {"model.blocks": 2}}, "space.model.blocks", "model.depth"),
        (
            {"problem": {"dataset": "digits", "model": {"kind": "linear"}}, "space": {"model.width": 8}},
            "space.model.width",
            "use mlp",
        ),
        ({"space": {"problem.depth": 2}}, "space.problem.depth", "it has none"),
        (
            {"space": {"batch_scaled_learning_rate": {"low": 1, "high": 1e6}, "batch_size": {"choices": [1, "full"]}}},
            "space.batch_scaled_learning_rate",
            "lower it",
        ),
        ({"space": {"batch_size": {"low": 1, "high": 1079, "integer": True}}}, "space.batch_size", "1078"),
    ],
)
def test_what_does_not_fit_is_named(raw: dict[str, Any], field: str, mend: str) -> None:
    (error,) = errors_of(raw, facts=DIGITS)
    assert error.field == field
    assert mend in error.mend


def test_a_model_that_comes_with_the_data_has_no_settings() -> None:
    for facts in (DATASETS["quadratic"], MINE):
        (error,) = errors_of({"space": {"model.width": 8}}, facts=facts)
        assert (error.field, error.mend) == ("space.model.width", "leave it out")
        assert "brings its own model" in error.message


def test_a_plugins_own_settings_can_be_searched() -> None:
    space = {"problem.depth": {"low": 1, "high": 9, "integer": True}, "learning_rate": 0.1}
    assert errors_of({"space": space}, facts=MINE) == ()
    (error,) = errors_of({"space": space | {"problem.dept": 1}}, facts=MINE)
    assert "did you mean problem.depth?" in error.mend


@pytest.mark.parametrize(
    ("parameter", "mend"),
    [
        ({"choices": [3, "deep"]}, "give an integer"),
        (2.5, "give an integer"),
        ({"low": 1, "high": 9}, "add integer: true"),
    ],
)
def test_a_plugins_own_settings_have_types(parameter: Any, mend: str) -> None:
    (error,) = errors_of({"space": {"problem.depth": parameter}}, facts=MINE)
    assert (error.field, error.mend) == ("space.problem.depth", mend)


def test_full_needs_a_known_number_of_examples_to_be_scaled_by() -> None:
    space = {"batch_scaled_learning_rate": 0.1, "batch_size": {"choices": [16, "full"]}}
    (error,) = errors_of({"space": space}, facts=MINE)
    assert error.field == "space.batch_size"
    assert errors_of({"space": space}, facts=DIGITS) == ()
    assert errors_of({"space": "batch-regimes"}, facts=MINE) == ()


def test_the_settings_of_a_models_kind_fit_it() -> None:
    space = {"model.width": {"low": 8, "high": 64, "integer": True, "log": True}, "model.activation": "tanh"}
    assert errors_of({"space": space}, facts=DIGITS) == ()
    resnet = {"dataset": "digits", "model": {"kind": "resnet"}}
    assert errors_of({"problem": resnet, "space": space | {"model.blocks": 2}}, facts=DIGITS) == ()


def test_a_batch_larger_than_the_data_is_named_wherever_it_stands() -> None:
    raw = {
        "space": {"batch_size": {"choices": [16, 128, "full"]}},
        "first": ["baseline", {"batch_size": 128}],
    }
    errors = errors_of(raw, facts=DIGITS.model_copy(update={"num_train": 106}))
    assert {error.field for error in errors} == {"space.batch_size", "first[1].batch_size"}
    assert all("106" in error.mend for error in errors)
    assert errors_of(raw, facts=DIGITS.model_copy(update={"num_train": 128})) == ()
