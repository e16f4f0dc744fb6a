"""The way to a server that may be away: after a failure few are let through, or they would pile up on a dead host."""

import threading
import time
from collections.abc import Callable

from service.errors import Unavailable

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class Gate:
    """Open while all goes well. After a failure it is closed for a pause, which doubles; then one may try.

    `clock`: monotonic seconds. An attempt to connect ends within `attempt_seconds`.
    """

    def __init__(self, *, attempt_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempt_seconds = attempt_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._pause_seconds = 0.0
        self._closed_until = 0.0
        self._why = ""

    def enter(self) -> None:
        """Lets the caller try. Raises Unavailable while the gate is closed."""
        with self._lock:
            if not self._pause_seconds:
                return
            now = self._clock()
            if now < self._closed_until:
                raise Unavailable(f"The database could not be reached a moment ago ({self._why}); try again soon.")
            self._closed_until = now + self._attempt_seconds  # the others wait for what this one finds

    def failed(self, why: str) -> None:
        """The server was not reached; the others are told why."""
        with self._lock:
            self._why = why
            self._pause_seconds = min(max(2 * self._pause_seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._closed_until = self._clock() + self._pause_seconds

    def succeeded(self) -> None:
        """The server was reached."""
        with self._lock:
            self._pause_seconds = 0.0
