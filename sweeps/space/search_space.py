"""A space of settings: which parameters it has, which of them are active, and where a point lies in it."""

from collections.abc import Mapping

from sweeps.space.coordinates import SETTERS
from sweeps.space.parameters import Choices, Parameter, Range, same
from sweeps.wrong import FieldError, one_of
from trainer.settings import Setting


class SearchSpace:
    """Parameters by path, parents before what hangs on them, else by name: the order does not hang on how JSON came.

    The parameters have passed sweeps.checks: every `when` names a parameter of the space, and there is no cycle.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self.parameters = {name: parameters[name] for name in _parents_first(parameters)}

    def is_active(self, name: str, *, settings: Mapping[str, Setting]) -> bool:
        """Whether a parameter takes part, given the settings of those before it."""
        return all(
            parent in settings and any(same(settings[parent], value) for value in values)
            for parent, values in conditions_of(self.parameters[name]).items()
        )

    def searched(self) -> dict[str, Choices | Range]:
        """The parameters that are not fixed."""
        return {name: each for name, each in self.parameters.items() if isinstance(each, Choices | Range)}

    def nearest(self, target: Mapping[str, Setting]) -> dict[str, Setting]:
        """The point of the space nearest to `target`, parameter by parameter."""
        settings: dict[str, Setting] = {}
        for name, parameter in self.parameters.items():
            if not self.is_active(name, settings=settings):
                continue
            if isinstance(parameter, Choices | Range):
                settings[name] = parameter.nearest(target.get(name, parameter_start(parameter)))
            else:
                settings[name] = parameter
        return settings

    def faults(self, settings: Mapping[str, Setting], *, field: str) -> list[FieldError]:
        """Why settings, which may be some of all, cannot be tried in this space; `field` is where they stand."""
        found = [self._fault(name, settings, field=f"{field}.{name}") for name in settings]
        return [fault for fault in found if fault is not None]

    def own(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """The settings that are parameters of the space: without those that its coordinates led to."""
        return {name: value for name, value in settings.items() if name in self.parameters}

    def _fault(self, name: str, settings: Mapping[str, Setting], *, field: str) -> FieldError | None:
        if name not in self.parameters:
            return FieldError(field, "is no parameter of the space", self._instead_of(name))
        parameter, value = self.parameters[name], settings[name]
        if not takes(parameter, value=value):
            return FieldError(field, f"{value!r} lies outside the space", f"give {described(parameter)}")
        known = self.fixed() | dict(settings)
        if not self.is_active(name, settings=known):
            needed = " and ".join(
                f"{parent} = {' or '.join(map(repr, values))}" for parent, values in conditions_of(parameter).items()
            )
            return FieldError(field, f"is not active without {needed}", f"give {needed} too, or leave {name} out")
        return None

    def _instead_of(self, name: str) -> str:
        setters = [each for each in SETTERS.get(name, ()) if each in self.parameters]
        return f"this space sets it by {setters[0]}: give that" if setters else one_of(name, known=self.parameters)

    def fixed(self) -> dict[str, Setting]:
        """The parameters with one value."""
        return {name: each for name, each in self.parameters.items() if not isinstance(each, Choices | Range)}


def conditions_of(parameter: Parameter) -> Mapping[str, tuple[Setting, ...]]:
    """What must hold for a parameter to be active: the values that each of its parents may have."""
    return parameter.when if isinstance(parameter, Choices | Range) else {}


def takes(parameter: Parameter, *, value: Setting) -> bool:
    """Whether a parameter can have a value."""
    return parameter.contains(value) if isinstance(parameter, Choices | Range) else same(parameter, value)


def described(parameter: Parameter) -> str:
    """What a parameter can be, in words."""
    if isinstance(parameter, Choices):
        return "one of " + ", ".join(map(repr, parameter.choices[:20]))
    if isinstance(parameter, Range):
        steps = "" if parameter.spacing is None else f" in steps of {parameter.spacing:g}"
        return f"a number from {parameter.low:g} to {parameter.high:g}{steps}"
    return repr(parameter)


def parameter_start(parameter: Choices | Range) -> Setting:
    """The plainest value of a parameter that the baseline says nothing about: its first choice, its low end."""
    return parameter.choices[0] if isinstance(parameter, Choices) else parameter.typed(parameter.low)


def cyclic(parameters: Mapping[str, Parameter]) -> set[str]:
    """The parameters that hang, by `when`, on themselves or on such a one."""
    return set(parameters) - set(_parents_first(parameters))


def _parents_first(parameters: Mapping[str, Parameter]) -> list[str]:
    ordered: list[str] = []
    waiting = sorted(parameters)
    while ready := [name for name in waiting if set(conditions_of(parameters[name])) <= set(ordered)]:
        ordered += ready
        waiting = [name for name in waiting if name not in ordered]
    return ordered
