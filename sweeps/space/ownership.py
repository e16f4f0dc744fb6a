"""Settings that belong to one value of another: `schedule.inverse_time.b` to a schedule, `momentum` to sgd."""

from collections.abc import Mapping
from typing import NamedTuple

from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import conditions_of
from trainer.settings import SETTINGS, SGD_ONLY, Setting, Settings


class Owner(NamedTuple):
    """A setting that chooses, and the choice that another setting belongs to."""

    name: str
    value: str

    @property
    def is_default(self) -> bool:
        """Whether a space that says nothing of the owner has this choice."""
        return bool(Settings.model_fields[self.name].default.kind == self.value)


def owner_of(path: str) -> Owner | None:
    """What a setting belongs to; None for one that every training has."""
    if path in SETTINGS and "." in path:
        name, kind, _ = path.split(".")
        return Owner(name, kind)
    return Owner("optimizer", "sgd") if path in (*SGD_ONLY, "one_minus_momentum") else None


def completed(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters with the conditions that follow from what they belong to; doing it twice changes nothing.

    Only where the owner is a choice that can be the right one, and the parameter has no condition on it.
    """
    complete = dict(parameters)
    for path in sorted(parameters, key=lambda path: path.count(".")):  # owners first: they may get conditions too
        owner = owner_of(path)
        chooser = complete.get(owner.name) if owner is not None else None
        if owner is None or not isinstance(chooser, Choices) or not chooser.contains(owner.value):
            continue
        if owner.name not in conditions_of(complete[path]):
            complete[path] = conditioned(complete[path], on=owner.name, values=(owner.value,))
    return complete


def conditioned(parameter: Parameter, *, on: str, values: tuple[Setting, ...]) -> Choices | Range:
    """The parameter, active only where `on` has one of these values; a fixed one becomes its only choice."""
    alike = parameter if isinstance(parameter, Choices | Range) else Choices(choices=(parameter,))
    return alike.model_copy(update={"when": {**alike.when, on: values}})
