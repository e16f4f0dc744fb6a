"""Whether the conditions of a space can hold, and whether its settings can come without what they belong to."""

from collections.abc import Iterator, Mapping

from sweeps.space.ownership import Owner, owner_of
from sweeps.space.parameters import AUTO, Parameter, Range
from sweeps.space.search_space import conditions_of, cyclic, described, takes
from sweeps.wrong import FieldError, one_of


def condition_errors(parameters: Mapping[str, Parameter]) -> Iterator[FieldError]:
    """What is wrong with the conditions of completed parameters, written or implied."""
    for name in parameters:
        owner = owner_of(name)
        if owner is not None and (error := _ownership_error(parameters, name, owner)) is not None:
            yield error
        else:
            yield from _impossible(parameters, name)
    complete = all(set(conditions_of(each)) <= set(parameters) for each in parameters.values())
    if complete and (cycle := sorted(cyclic(parameters))):
        names = ", ".join(cycle)
        message = f"{names} hang on each other" if len(cycle) > 1 else f"{names} hangs on itself"
        yield FieldError(f"space.{cycle[0]}.when", message, "take one of the conditions out")


def _ownership_error(parameters: Mapping[str, Parameter], name: str, owner: Owner) -> FieldError | None:
    chooser = parameters.get(owner.name)
    if chooser is None:
        can_be = owner.is_default
        mend = f"add `{owner.name}: {owner.value}` to the space, or leave {name} out"
    else:
        can_be = takes(chooser, value=owner.value)
        mend = f"add {owner.value} to the choices of {owner.name}, or leave {name} out"
    if not can_be:
        return FieldError(f"space.{name}", f"belongs to {owner.name} {owner.value}, which this space never has", mend)
    others = [value for value in conditions_of(parameters[name]).get(owner.name, ()) if value != owner.value]
    if not others:
        return None
    message = f"{name} belongs to {owner.name} {owner.value} and is nothing with {others[0]!r}"
    mend = f"give `when: {{{owner.name}: {owner.value}}}`, or leave that condition out"
    return FieldError(f"space.{name}.when.{owner.name}", message, mend)


def _impossible(parameters: Mapping[str, Parameter], name: str) -> Iterator[FieldError]:
    for parent, values in conditions_of(parameters[name]).items():
        field = f"space.{name}.when.{parent}"
        if parent not in parameters:
            yield FieldError(field, "is no parameter of the space", one_of(parent, known=parameters))
        elif isinstance(parameters[parent], Range) or (parent == "learning_rate" and parameters[parent] == AUTO):
            yield FieldError(field, "is a range", f"give {parent} choices, or leave the condition out")
        elif impossible := [value for value in values if not takes(parameters[parent], value=value)]:
            mend = f"{parent} is {described(parameters[parent])}"
            yield FieldError(field, f"{parent} can never be {impossible[0]!r}", mend)
