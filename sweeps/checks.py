"""Whether a sweep can be as it was asked for: every fault of it, found at once before it is stored."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from sweeps.space.conditions import condition_errors
from sweeps.space.domains import domain_errors
from sweeps.space.parameters import Choices, Parameter, Range, plain, same
from sweeps.space.search_space import SearchSpace
from sweeps.space.together import together_errors, tried_errors
from sweeps.spec import SweepSpec, parameters_of
from sweeps.spec_words import explained
from sweeps.studies.grid import MAX_GRID_POINTS, num_grid_points
from sweeps.wrong import FieldError, InvalidSpec
from trainer.settings import Setting

ANY_RATE: dict[str, Parameter] = {"learning_rate": Range(low=1e-12, high=1e6, log=True)}
"""What stands for the bounds that a range test will find."""


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
    parameters = parameters_of(spec)
    if errors := tuple(_own_errors(spec.problem.settings)):
        return errors
    if errors := tuple(domain_errors(parameters)) or tuple(condition_errors(parameters)):
        return errors
    if errors := tuple(together_errors(parameters)):
        return errors
    if spec.only_range_test:
        return ()
    space = SearchSpace(parameters | (ANY_RATE if spec.needs_range_test else {}))
    return (*_sampler_errors(space, kind=spec.sampler.kind), *_first_errors(spec, space))


def _own_errors(settings: Mapping[str, Setting]) -> Iterator[FieldError]:
    for name, value in settings.items():
        try:
            plain(value)
        except PydanticCustomError as error:
            said = error.context or {}
            yield FieldError(f"problem.settings.{name}", said["message"], said["mend"])


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
        if isinstance(first, str):
            continue
        if spec.needs_range_test and "learning_rate" in first:
            message = "the range test finds the bounds of the learning rate, and this may lie outside"
            yield FieldError(f"first[{index}].learning_rate", message, "leave it out, or give the space low and high")
        yield from tried_errors(space, settings=first, field=f"first[{index}]")
