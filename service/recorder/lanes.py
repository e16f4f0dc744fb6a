"""Runs side by side: while MLflow works on one request the next is on its way."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Lanes:
    """Acts on several things at once, on one at a time where there is one lane."""

    def __init__(self, num_lanes: int) -> None:
        self._pool = ThreadPoolExecutor(num_lanes) if num_lanes > 1 else None

    def each(self, things: Iterable[T], *, act: Callable[[T], R]) -> list[R]:
        """What came of each, in their order.

        After a failure none is begun any more; it is raised as soon as nothing is under way.
        """
        if self._pool is None:
            return [act(thing) for thing in things]
        begun = [self._pool.submit(act, thing) for thing in things]
        wait(begun, return_when=FIRST_EXCEPTION)
        ended = [one for one in begun if not one.cancel()]
        wait(ended)
        for one in ended:
            one.result()
        return [one.result() for one in begun]
