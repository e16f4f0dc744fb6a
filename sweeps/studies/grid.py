"""Every point of a space, each once, in an order drawn from a seed."""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sweeps.space.parameters import Choices, Range, same
from sweeps.space.search_space import SearchSpace
from sweeps.studies.lessons import Asked, Lesson
from trainer.settings import Setting

MAX_GRID_POINTS = 100_000


class GridStudy:
    """A Study that tries every point once. What was tried before, by whomever, is not tried again.

    The space has no continuous parameter and at most MAX_GRID_POINTS points (sweeps.checks sees to it).
    """

    def __init__(self, space: SearchSpace, *, seed: int, tried: Iterable[Mapping[str, Setting]]) -> None:
        points = [*grid_points(space)]
        random.Random(seed).shuffle(points)
        self._left = dict.fromkeys(_key(point) for point in points)
        for settings in tried:
            self._left.pop(_key(settings), None)
        self._points = points

    def ask(self, number: int, *, fixed: Mapping[str, Setting]) -> Asked | None:
        """The next untried point that agrees with `fixed`; with `fixed`, a tried one where there is no other."""
        for key in self._left:
            if agrees(dict(key), fixed=fixed):
                del self._left[key]
                return Asked(number=number, settings=dict(key))
        for point in self._points if fixed else ():
            if agrees(point, fixed=fixed):
                return Asked(number=number, settings=dict(point))
        return None

    def tell(self, lesson: Lesson) -> None:
        """A grid learns nothing."""

    def attrs(self) -> dict[str, Any]:
        """The trials themselves say what is left."""
        return {}

    @property
    def num_left(self) -> int | None:
        """The points that were not tried."""
        return len(self._left)


def agrees(point: Mapping[str, Setting], *, fixed: Mapping[str, Setting]) -> bool:
    """Whether a point has the fixed settings."""
    return all(name in point and _close(point[name], value) for name, value in fixed.items())


def grid_points(space: SearchSpace) -> Iterator[dict[str, Setting]]:
    """Every point of a space without continuous parameters; inactive parameters are absent."""
    yield from _completions(space, [*space.parameters], {})


def num_grid_points(space: SearchSpace) -> int:
    """How many points the grid of a space has, counted no further than just beyond MAX_GRID_POINTS."""
    return sum(1 for _, _ in zip(range(MAX_GRID_POINTS + 1), grid_points(space), strict=False))


def _completions(space: SearchSpace, names: list[str], settings: dict[str, Setting]) -> Iterator[dict[str, Setting]]:
    if not names:
        yield dict(settings)
        return
    name, *rest = names
    if not space.is_active(name, settings=settings):
        yield from _completions(space, rest, settings)
        return
    parameter = space.parameters[name]
    for value in parameter.points() if isinstance(parameter, Choices | Range) else (parameter,):
        yield from _completions(space, rest, settings | {name: value})


def _key(settings: Mapping[str, Setting]) -> tuple[tuple[str, Setting], ...]:
    return tuple(sorted(settings.items()))


def _close(one: Setting, other: Setting) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-8 * max(1.0, abs(one))
    return same(one, other)
