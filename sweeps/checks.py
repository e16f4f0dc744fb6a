"""Whether a sweep can be as it was asked for: every fault of it, found at once before it is stored."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from sweeps.grid import MAX_GRID_POINTS, num_grid_points
from sweeps.parameters import Choices, Parameter, Range, same
from sweeps.presets import preset_space
from sweeps.search_space import SearchSpace, conditions_of, cyclic, described, takes
from sweeps.spec import LATER_SETTINGS, SweepSpec, not_built
from sweeps.spec_words import explained
from sweeps.wrong import FieldError, InvalidSpec, one_of
from trainer.settings import Setting, Settings

ENOUGH = 10**9
"""Training examples that leave every preset as it stands."""


def check_spec(raw: Any) -> SweepSpec:
    """The spec that `raw` (parsed JSON) stands for, its preset and draws not yet resolved; raises InvalidSpec."""
    _refuse_what_cannot_be_answered(raw)
    try:
        spec = SweepSpec.model_validate(raw)
    except ValidationError as error:
        raise InvalidSpec(explained(error)) from error
    if errors := spec_errors(spec):
        raise InvalidSpec(errors)
    return spec


def _refuse_what_cannot_be_answered(raw: Any) -> None:
    # JSON can spell half a character ("\ud800"): pydantic fails over it, and no answer could repeat it.
    try:
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        fault = FieldError("", "holds a text with half a character (a lone surrogate)", "write texts in UTF-8")
        raise InvalidSpec([fault]) from error
    except RecursionError as error:
        raise InvalidSpec([FieldError("", "is nested too deeply", "write it as the documentation does")]) from error


def spec_errors(spec: SweepSpec) -> tuple[FieldError, ...]:
    """What is wrong between the fields of a spec that are each right by themselves."""
    parameters = preset_space(spec.space, num_train=ENOUGH) if isinstance(spec.space, str) else spec.space
    if errors := tuple(_domain_errors(parameters)) or tuple(_condition_errors(parameters)):
        return errors
    space = SearchSpace(parameters)
    return (*_nesterov_errors(space), *_sampler_errors(space, kind=spec.sampler.kind), *_first_errors(spec, space))


def check_data(spec: SweepSpec, *, num_train: int) -> tuple[FieldError, ...]:
    """What is wrong with a spec for a training part of `num_train` examples: batches larger than the data."""
    places: dict[str, Parameter] = {
        f"first[{index}].batch_size": first["batch_size"]
        for index, first in enumerate(spec.first)
        if not isinstance(first, str) and "batch_size" in first
    }
    if not isinstance(spec.space, str) and "batch_size" in spec.space:
        places["space.batch_size"] = spec.space["batch_size"]
    return tuple(
        FieldError(
            field,
            f"a batch of {max(sizes):g} is larger than the data, which has {num_train} training examples",
            f"give at most {num_train}, or full for all of them in one batch",
        )
        for field, parameter in places.items()
        if (sizes := [size for size in extremes(parameter) if not isinstance(size, str)]) and max(sizes) > num_train
    )


def extremes(parameter: Parameter) -> tuple[Setting, ...]:
    """Values that lie in a domain (an interval, or a list) exactly if all values of the parameter do."""
    if isinstance(parameter, Choices):
        return parameter.choices
    if isinstance(parameter, Range):
        return (parameter.typed(parameter.low), parameter.typed(parameter.top))
    return (parameter,)


def _domain_errors(parameters: Mapping[str, Parameter]) -> Iterator[FieldError]:
    for name, parameter in parameters.items():
        field = f"space.{name}"
        if name.split(".")[0] in LATER_SETTINGS:
            yield not_built(name)
        elif name not in Settings.model_fields:
            yield FieldError(field, "is no setting", one_of(name, known=Settings.model_fields))
        elif isinstance(parameter, Range) and name == "batch_size" and not parameter.integer:
            yield FieldError(field, "counts examples, and this range has fractions", "add integer: true")
        elif isinstance(parameter, Range) and name == "nesterov":
            yield FieldError(field, "is true or false, not a number", "give choices: [true, false]")
        else:
            yield from _value_errors(name, parameter)


def _value_errors(name: str, parameter: Parameter) -> Iterator[FieldError]:
    for value in extremes(parameter):
        try:
            Settings.model_validate({name: value}, strict=True)
        except ValidationError as error:
            reasons = " or ".join(dict.fromkeys(str(each["msg"]).removeprefix("Input ") for each in error.errors()))
            yield FieldError(f"space.{name}", f"{value!r} is not possible", f"it {reasons}")


def _condition_errors(parameters: Mapping[str, Parameter]) -> Iterator[FieldError]:
    for name, parameter in parameters.items():
        for parent, values in conditions_of(parameter).items():
            field = f"space.{name}.when.{parent}"
            if parent not in parameters:
                yield FieldError(field, "is no parameter of the space", one_of(parent, known=parameters))
            elif isinstance(parameters[parent], Range):
                yield FieldError(field, "is a range", f"give {parent} choices, or leave the condition out")
            elif impossible := [value for value in values if not takes(parameters[parent], value=value)]:
                mend = f"{parent} is {described(parameters[parent])}"
                yield FieldError(field, f"{parent} can never be {impossible[0]!r}", mend)
    complete = all(set(conditions_of(each)) <= set(parameters) for each in parameters.values())
    if complete and (cycle := sorted(cyclic(parameters))):
        names = ", ".join(cycle)
        yield FieldError(f"space.{cycle[0]}.when", f"{names} hang on each other", "take one of the conditions out")


def _nesterov_errors(space: SearchSpace) -> Iterator[FieldError]:
    nesterov = space.parameters.get("nesterov", False)
    if not takes(nesterov, value=True):
        return
    momentum, dampening = space.parameters.get("momentum", 0.0), space.parameters.get("dampening", 0.0)
    if not any(map(bool, extremes(momentum))):
        mend = "add a momentum above 0 to the space, for example 0.9, or leave nesterov out"
        yield FieldError("space.nesterov", "nesterov without momentum", mend)
    with_damping = any(map(bool, extremes(dampening))) and not _exclusive(nesterov, dampening)
    if with_damping:
        mend = "leave one of them out, or give dampening `when: {nesterov: false}`"
        yield FieldError("space.dampening", "nesterov with dampening", mend)


def _exclusive(nesterov: Parameter, dampening: Parameter) -> bool:
    only_plain = conditions_of(dampening).get("nesterov", (True,))
    only_undamped = conditions_of(nesterov).get("dampening", (1.0,))
    return not any(map(bool, only_plain)) or not any(map(bool, only_undamped))


def _sampler_errors(space: SearchSpace, *, kind: str) -> Iterator[FieldError]:
    searched = space.searched()
    if kind == "grid":
        endless = [name for name, each in searched.items() if isinstance(each, Range) and each.spacing is None]
        for name in endless:
            yield FieldError(
                f"space.{name}", "is continuous, and grid tries every value", "give a step or choices, or use qmc"
            )
        if not endless and num_grid_points(space) > MAX_GRID_POINTS:
            yield FieldError("space", f"the grid has more than {MAX_GRID_POINTS:,} points", "use larger steps, or qmc")
    if kind == "cmaes" and not any(_suits_cmaes(each) for each in searched.values()):
        yield FieldError(
            "sampler.kind", "cmaes needs a range of numbers without conditions", "add one to the space, or use tpe"
        )


def _suits_cmaes(parameter: Choices | Range) -> bool:
    return isinstance(parameter, Range) and not parameter.when and not same(parameter.low, parameter.top)


def _first_errors(spec: SweepSpec, space: SearchSpace) -> Iterator[FieldError]:
    for index, first in enumerate(spec.first):
        if not isinstance(first, str):
            yield from space.faults(first, field=f"first[{index}]")
