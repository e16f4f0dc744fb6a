"""Threads ring, coroutines wait: no ring is missed."""

import asyncio
import threading

from service.bell import Bell

LONG_SECONDS = 30.0


def test_a_ring_wakes_all_who_wait() -> None:
    async def scene() -> list[int]:
        bell = Bell()
        count = bell.count
        waits = [asyncio.create_task(bell.wait(count, seconds=LONG_SECONDS)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=bell.ring).start()
        return [each - count for each in await asyncio.gather(*waits)]

    assert asyncio.run(scene()) == [1, 1, 1]


def test_a_ring_between_look_and_wait_is_not_missed() -> None:
    async def scene() -> int:
        bell = Bell()
        count = bell.count
        bell.ring()
        return await bell.wait(count, seconds=LONG_SECONDS) - count

    assert asyncio.run(scene()) == 1


def test_a_wait_ends_after_its_seconds() -> None:
    async def scene() -> int:
        bell = Bell()
        return await bell.wait(bell.count, seconds=0.01) - bell.count

    assert asyncio.run(scene()) == 0


def test_nobody_waits_for_a_closed_bell() -> None:
    async def scene() -> tuple[int, int]:
        bell = Bell()
        waiting = asyncio.create_task(bell.wait(bell.count, seconds=LONG_SECONDS))
        await asyncio.sleep(0)
        bell.close()
        return await waiting - bell.count, await bell.wait(bell.count, seconds=LONG_SECONDS) - bell.count

    assert asyncio.run(scene()) == (0, 0)


def test_who_was_cancelled_is_not_rung_any_more() -> None:
    bell = Bell()

    async def scene() -> None:
        waiting = asyncio.create_task(bell.wait(bell.count, seconds=LONG_SECONDS))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(scene())
    bell.ring()


def test_bells_of_two_starts_do_not_agree_by_chance() -> None:
    assert len({Bell().count for _ in range(5)}) == 5
