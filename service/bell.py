"""A bell that threads ring and coroutines wait for."""

import asyncio
import random
import threading


class Bell:
    """Counts rings. Whoever knows a count can wait for a later one, so no ring between look and wait is missed."""

    def __init__(self) -> None:
        # It begins anywhere: a count that somebody kept from an earlier start of the service differs from ours.
        self.count = random.randrange(1, 2**31)
        self.is_closed = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()

    def ring(self) -> None:
        """Wakes all who wait; from any thread."""
        with self._lock:
            self.count += 1
            for loop, woken in self._waiting:
                loop.call_soon_threadsafe(woken.set)

    def close(self) -> None:
        """The service ends: nobody waits any more."""
        self.is_closed = True
        self.ring()

    async def wait(self, count: int, *, seconds: float) -> int:
        """Waits until the count is another one than `count`, at most `seconds`; answers the count then."""
        woken = asyncio.Event()
        waiter = (asyncio.get_running_loop(), woken)
        with self._lock:
            if self.count != count or self.is_closed:
                return self.count
            self._waiting.add(waiter)
        try:
            await asyncio.wait_for(woken.wait(), timeout=seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(waiter)
        return self.count
