"""Whether a space's parameters exist, and whether all that they can be is possible."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import ValidationError

from sweeps.space.coordinates import COORDINATES, Coordinates
from sweeps.space.parameters import AUTO, Choices, Parameter, Range
from sweeps.wrong import FieldError, one_of
from trainer.frozen import Frozen
from trainer.model_settings import ModelSettings
from trainer.settings import KINDS, SETTINGS, Setting, typed_field

MODEL = "model."
OWN = "problem."
KNOWN = (*SETTINGS, *COORDINATES, *(MODEL + name for name in ModelSettings.model_fields))
"""All that a space can hold, but for the settings of a plugin's own."""


def extremes(parameter: Parameter) -> tuple[Setting, ...]:
    """Values that lie in a domain (an interval, or a list) exactly if all values of the parameter do."""
    if isinstance(parameter, Choices):
        return parameter.choices
    if isinstance(parameter, Range):
        return (parameter.typed(parameter.low), parameter.typed(parameter.top))
    return (parameter,)


def domain_errors(parameters: Mapping[str, Parameter]) -> Iterator[FieldError]:
    """Unknown settings, and values that are none of theirs. Whether a plugin's own fit only the facts tell."""
    for name, parameter in parameters.items():
        if name.startswith(OWN) or (name == "learning_rate" and parameter == AUTO):
            continue
        if name not in KNOWN:
            yield _unknown(name)
            continue
        error = range_error(parameter, name=name, types=_types_of(name)) if isinstance(parameter, Range) else None
        yield from _value_errors(name, parameter) if error is None else (error,)


def _unknown(name: str) -> FieldError:
    beside = [path for path in KNOWN if path.rpartition(".")[0] == name.rpartition(".")[0]]
    near = [path for path in KNOWN if "." in path and path.split(".")[0] == name.split(".")[0]]
    top = [path for path in KNOWN if "." not in path]
    return FieldError(f"space.{name}", "is no setting", one_of(name, known=beside or near or top))


def range_error(parameter: Range, *, name: str, types: Set[type]) -> FieldError | None:
    """What is wrong with a range for a setting of these types; None where it can be one."""
    field = f"space.{name}"
    if float in types or (int in types and parameter.integer):
        return None
    if int in types:
        return FieldError(field, "counts in whole numbers, and this range has fractions", "add integer: true")
    if bool in types:
        return FieldError(field, "is true or false, not a number", "give choices: [true, false]")
    return FieldError(field, "is a word, not a number", "give choices")


def _value_errors(name: str, parameter: Parameter) -> Iterator[FieldError]:
    for value in extremes(parameter):
        if (mend := _mend(name, value)) is not None:
            yield FieldError(f"space.{name}", f"{value!r} is not possible", mend)


def _mend(name: str, value: Setting) -> str | None:
    """What a setting must be instead of an impossible value; None where it is possible."""
    if name in KINDS:
        return None if value in KINDS[name] else one_of(value, known=KINDS[name])
    model, field = _typed(name)
    try:
        model.model_validate({field: value}, strict=True)
    except ValidationError as error:
        faults = [each for each in error.errors() if each["type"] != "none_required"]
        return "it " + " or ".join(dict.fromkeys(str(each["msg"]).removeprefix("Input ") for each in faults))
    return None


def _typed(name: str) -> tuple[type[Frozen], str]:
    if name in COORDINATES:
        return Coordinates, name
    return (ModelSettings, name.removeprefix(MODEL)) if name.startswith(MODEL) else typed_field(name)


def _types_of(name: str) -> set[type]:
    model, field = _typed(name)
    return set(_types_in(model.model_fields[field].annotation))


def _types_in(annotation: Any) -> Iterable[type]:
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    if get_origin(annotation) is Annotated:
        return _types_in(get_args(annotation)[0])
    return {found for each in get_args(annotation) for found in _types_in(each)} or {annotation}
