"""Pydantic's complaints about a sweep in words that name the field and the mend."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sweeps.pruner_spec import AshaPruner, HyperbandPruner, MedianPruner, NoPruner
from sweeps.space.parameters import Choices, Range
from sweeps.spec import BudgetSpec, KeepSpec, LimitsSpec, MetricSpec, MlflowSpec, SamplerSpec, SweepSpec
from sweeps.wrong import CUSTOM_ERROR, FieldError, one_of
from trainer.config import CnnModel, LinearModel, MlpModel, ProblemConfig, ResnetModel

Loc = Sequence[int | str]

MAX_ERRORS = 50
MAX_PART = 100

FORMS: dict[tuple[str, ...], tuple[int, ...]] = {
    ("space",): (1, 3),
    ("pruner",): (1,),
    ("first",): (2,),
    ("problem", "model"): (2,),
    ("problem", "settings"): (3,),
    ("budget", "parallel"): (2,),
}
"""Where pydantic puts the name of a form, which is no part of the body, into locations that begin so."""

MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): SweepSpec,
    ("problem",): ProblemConfig,
    ("problem", "model", "linear"): LinearModel,
    ("problem", "model", "mlp"): MlpModel,
    ("problem", "model", "cnn"): CnnModel,
    ("problem", "model", "resnet"): ResnetModel,
    ("metric",): MetricSpec,
    ("sampler",): SamplerSpec,
    ("pruner", "asha"): AshaPruner,
    ("pruner", "hyperband"): HyperbandPruner,
    ("pruner", "median"): MedianPruner,
    ("pruner", "none"): NoPruner,
    ("budget",): BudgetSpec,
    ("limits",): LimitsSpec,
    ("keep",): KeepSpec,
    ("mlflow",): MlflowSpec,
}

SCALAR_TYPES = ("bool_type", "int_type", "float_type", "string_type")

MENDS: dict[str, str] = {
    "dict_type": "give an object of names and values",
    "model_type": "give an object of names and values",
    "tuple_type": "give a list",
    "too_short": "give at least one",
    "string_pattern_mismatch": "use letters, digits, dots and underscores, in a name no slash and no control character",
}


def explained(error: ValidationError, *, prefix: int = 0) -> tuple[FieldError, ...]:
    """What pydantic found wrong: one error a field, at most 50. `prefix` parts of a location are skipped."""
    # A list of which every element is wrong is called too short as well.
    details = [each for each in error.errors(include_url=False) if each["type"] != "too_short" or not each["input"]]
    found = [_explained(each, each["loc"][prefix:]) for each in details[:MAX_ERRORS]]
    return tuple({each.field: each for each in reversed(found)}.values())[::-1]


def _explained(detail: ErrorDetails, loc: Loc) -> FieldError:
    context: dict[str, Any] = detail.get("ctx", {})
    field, kind = field_path(loc), detail["type"]
    if kind == CUSTOM_ERROR:
        return FieldError(".".join(filter(None, (field, context["at"]))), context["message"], context["mend"])
    if tuple(loc) == ("problem",) and kind == "value_error":
        return _neither_or_both(detail["input"])
    if tuple(loc[:2]) == ("problem", "settings") and kind in SCALAR_TYPES:
        return FieldError(field, "is neither a number, a text nor true or false", "give one value")
    if kind == "extra_forbidden":
        return FieldError(field, "is not a known field", one_of(loc[-1], known=_fields_beside(loc)))
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(field, context)
    if kind == "literal_error":
        return FieldError(field, f"{_shown(detail['input'])} is not possible here", f"use {context['expected']}")
    if kind == "missing":
        return FieldError(field, "is missing", "give it")
    if kind in MENDS:
        return FieldError(field, f"{_shown(detail['input'])} is not possible", MENDS[kind])
    message = detail["msg"].removeprefix("Input ")
    return FieldError(field, f"{_shown(detail['input'])} is not possible", f"it {message[0].lower()}{message[1:]}")


def _neither_or_both(problem: Any) -> FieldError:
    if isinstance(problem, dict) and problem.get("dataset") is not None:
        return FieldError(
            "problem.plugin", "stands beside a dataset", "leave one of them out: a plugin brings its data"
        )
    return FieldError("problem.dataset", "is missing", "give it, or a plugin: GET /v1/problems lists both")


def field_path(loc: Loc) -> str:
    """A location of pydantic's as it stands in the body: `first[0].momentum`."""
    forms = next((forms for begin, forms in FORMS.items() if tuple(loc[: len(begin)]) == begin), ())
    parts = [part for index, part in enumerate(loc) if index not in forms and part != "[key]"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part[:MAX_PART]}" for part in parts).removeprefix(".")


def _fields_beside(loc: Loc) -> list[str]:
    if loc[0] == "space":
        return [*(Choices if "choices" in loc[3:4] else Range).model_fields]
    beside = MODELS.get(tuple(map(str, loc[:-1])))
    return [*beside.model_fields] if beside is not None else []


def _unknown_kind(field: str, context: dict[str, Any]) -> FieldError:
    if "tag" not in context:
        return FieldError(field, "says no kind", "give {kind: ...}")
    known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
    message = f"{_shown(context['tag'])} is unknown or not built yet"
    return FieldError(f"{field}.kind", message, one_of(context["tag"], known=known))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
