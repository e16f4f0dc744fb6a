"""Settings that exclude each other: whether a space can draw them together."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from sweeps.space.coordinates import BATCH_OF_SCALE, SETTERS
from sweeps.space.domains import extremes
from sweeps.space.parameters import Parameter, same
from sweeps.space.search_space import SearchSpace, conditions_of
from sweeps.wrong import FieldError
from trainer.settings import Setting, Settings

Parameters: TypeAlias = Mapping[str, Parameter]
Wanted: TypeAlias = Callable[[Setting], bool]

MAX_LEARNING_RATE = 1e6
STANDSTILL = {"momentum": 0, "one_minus_momentum": 1}
"""Where there is no momentum."""


def together_errors(parameters: Parameters) -> Iterator[FieldError]:
    """What is wrong between parameters that are each right by themselves."""
    yield from _setter_errors(parameters)
    yield from _decay_errors(parameters)
    yield from _dampening_errors(parameters)
    yield from _nesterov_errors(parameters)
    yield from _ramp_errors(parameters)
    yield from scaled_rate_errors(parameters, num_train=None)


def can_meet(parameters: Parameters, *, wanted: Mapping[str, Wanted]) -> bool:
    """Whether a trial can have all these settings, each with a value that is wanted.

    What the space leaves out is off. Exact for choices; a range has a wanted value if one of its ends is one.
    """
    allowed: dict[str, list[Setting]] = {}
    waiting = [*wanted.items()]
    while waiting:
        name, holds = waiting.pop()
        if name not in parameters:
            return False
        values = [value for value in allowed.get(name, extremes(parameters[name])) if holds(value)]
        if not values:
            return False
        if name not in allowed:
            waiting += [(parent, _among(each)) for parent, each in conditions_of(parameters[name]).items()]
        allowed[name] = values
    return True


def scaled_rate_errors(parameters: Parameters, *, num_train: int | None) -> Iterator[FieldError]:
    """A batch-scaled learning rate that would be too high; `full` counts where `num_train` examples are known."""
    scaled = parameters.get("batch_scaled_learning_rate")
    if scaled is None:
        return
    batches = extremes(parameters.get("batch_size", Settings().batch_size))
    sizes = [num_train if each == "full" else int(each) for each in batches]
    largest = max((size for size in sizes if size is not None), default=0)
    highest = max(map(float, extremes(scaled)))
    if highest * largest / BATCH_OF_SCALE > MAX_LEARNING_RATE:
        message = f"{highest:g} is a learning rate of {highest * largest / BATCH_OF_SCALE:g} for a batch of {largest}"
        yield FieldError("space.batch_scaled_learning_rate", message, "lower it, or the batch size")


def tried_errors(space: SearchSpace, *, settings: Mapping[str, Setting], field: str) -> list[FieldError]:
    """Why settings, which may be some of all, are not worth a trial in this space; `field` is where they stand."""
    if errors := space.faults(settings, field=field):
        return errors
    known = space.fixed() | dict(settings)
    still = [name for name, value in STANDSTILL.items() if name in known and known[name] == value]
    if not still or known.get("nesterov") is not True:
        return []
    at = still[0] if still[0] in settings else "nesterov"
    return [FieldError(f"{field}.{at}", "nesterov without momentum", "give a momentum above 0, or nesterov false")]


def _among(values: tuple[Setting, ...]) -> Wanted:
    return lambda value: any(same(value, each) for each in values)


def _setter_errors(parameters: Parameters) -> Iterator[FieldError]:
    for setting, setters in SETTERS.items():
        present = [setter for setter in setters if setter in parameters]
        for other in present[1:]:
            yield FieldError(f"space.{other}", f"sets the {setting}, and so does {present[0]}", "leave one of them out")


def _decay_errors(parameters: Parameters) -> Iterator[FieldError]:
    if can_meet(parameters, wanted={"lr_decay": bool, "schedule": lambda kind: kind != "constant"}):
        mend = "give lr_decay `when: {schedule: constant}` beside such a choice, or leave one of them out"
        yield FieldError("space.lr_decay", "lr_decay beside a schedule other than constant", mend)


def _dampening_errors(parameters: Parameters) -> Iterator[FieldError]:
    if can_meet(parameters, wanted={"dampening": bool, "nesterov": bool}):
        mend = "leave one of them out, or give dampening `when: {nesterov: false}`"
        yield FieldError("space.dampening", "nesterov with dampening", mend)
    if can_meet(parameters, wanted={"dampening": bool, "velocity": lambda form: form == "classical"}):
        mend = "leave one of them out, or give dampening `when: {velocity: pytorch}`"
        yield FieldError("space.dampening", "dampening with the classical velocity, which has none", mend)


def _nesterov_errors(parameters: Parameters) -> Iterator[FieldError]:
    if _stands_still(parameters, wanted={"nesterov": bool}):
        mend = "add a momentum above 0 to the space, for example 0.9, or leave nesterov out"
        yield FieldError("space.nesterov", "nesterov without momentum", mend)


def _ramp_errors(parameters: Parameters) -> Iterator[FieldError]:
    if _stands_still(parameters, wanted={"momentum_schedule": lambda kind: kind == "ramp"}):
        mend = "add the momentum that it ramps up to, for example 0.9, or leave the ramp out"
        yield FieldError("space.momentum_schedule", "a ramp without momentum", mend)


def _stands_still(parameters: Parameters, *, wanted: dict[str, Wanted]) -> bool:
    """Whether what is wanted can be drawn, and never with a momentum above 0."""
    moving: list[dict[str, Wanted]] = [{"momentum": bool}, {"one_minus_momentum": lambda rest: float(rest) < 1}]
    return can_meet(parameters, wanted=wanted) and not any(
        can_meet(parameters, wanted=wanted | each) for each in moving
    )
