"""What comes while one request is handled is handled together, and a request that fails harms no other."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from service.errors import Unavailable
from service.routes.together import MOST_AT_ONCE, Together


class Handler:
    """Doubles what it is asked; refuses 13, fails with all that comes with it on 666, reaches nothing on 503.

    The first time it waits until it is released. After 3600 it has no time for more.
    """

    def __init__(self) -> None:
        self.handled: list[list[int]] = []
        self.released = threading.Event()

    def __call__(self, every: Sequence[int]) -> list[int | Exception]:
        self.handled.append(list(every))
        assert self.released.wait(timeout=10)
        if 666 in every:
            raise RuntimeError("it cannot be handled")
        if 503 in every:
            raise Unavailable("away")
        in_time = every[: every.index(3600) + 1] if 3600 in every else every
        return [ValueError("refused") if one == 13 else 2 * one for one in in_time]


def asked(handler: Handler, *every: int) -> list[object]:
    """What is answered to these and what is raised, when the first is handled while the others come."""

    async def ask_all() -> list[object]:
        together = Together(handler)
        first = asyncio.create_task(together.ask(0))
        while not handler.handled:
            await asyncio.sleep(0)
        others = [asyncio.create_task(together.ask(one)) for one in every]
        await asyncio.sleep(0)  # each of them has said what it asks
        handler.released.set()
        return [
            one if isinstance(one, int) else str(one)
            for one in await asyncio.gather(*others, first, return_exceptions=True)
        ]

    return asyncio.run(ask_all())


def test_what_comes_meanwhile_is_handled_at_once() -> None:
    handler = Handler()
    assert asked(handler, 1, 2, 3) == [2, 4, 6, 0]
    assert handler.handled == [[0], [1, 2, 3]]


def test_what_there_was_no_time_for_comes_next() -> None:
    handler = Handler()
    assert asked(handler, 1, 3600, 2, 3600, 3) == [2, 7200, 4, 7200, 6, 0]
    assert handler.handled == [[0], [1, 3600, 2, 3600, 3], [2, 3600, 3], [3]]


def test_no_more_than_so_many_at_once() -> None:
    handler = Handler()
    many = range(1000, 1001 + MOST_AT_ONCE)
    assert asked(handler, *many) == [*(2 * one for one in many), 0]
    assert [len(one) for one in handler.handled] == [1, MOST_AT_ONCE, 1]


def test_a_refusal_is_its_own() -> None:
    assert asked(Handler(), 1, 13, 3) == [2, "refused", 6, 0]


def test_one_that_fails_harms_no_other() -> None:
    handler = Handler()
    assert asked(handler, 1, 666, 3) == [2, "it cannot be handled", 6, 0]
    assert handler.handled == [[0], [1, 666, 3], [1], [666], [3]]


def test_what_nobody_can_have_now_is_not_asked_for_again() -> None:
    handler = Handler()
    assert asked(handler, 1, 503, 3) == ["away", "away", "away", 0]
    assert handler.handled == [[0], [1, 503, 3]]


def test_it_goes_on_in_another_loop() -> None:
    handler = Handler()
    handler.released.set()
    together = Together(handler)
    assert [asyncio.run(together.ask(one)) for one in (1, 2)] == [2, 4]
    with pytest.raises(ValueError, match="refused"):
        asyncio.run(together.ask(13))
