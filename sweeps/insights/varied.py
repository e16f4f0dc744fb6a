"""Which parameters of a space can differ between its trials."""

from sweeps.space.parameters import Choices, Range
from sweeps.space.search_space import SearchSpace


def varied(space: SearchSpace) -> dict[str, Choices | Range]:
    """The parameters with more than one value: neither what is fixed nor the settings that a coordinate leads to."""
    return {name: parameter for name, parameter in space.searched().items() if _can_differ(parameter)}


def _can_differ(parameter: Choices | Range) -> bool:
    return len(parameter.choices) > 1 if isinstance(parameter, Choices) else parameter.low < parameter.top
