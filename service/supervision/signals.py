"""Signals, heard outside their handlers."""

import os
import signal
import threading
from collections.abc import Callable, Iterable


def when_signalled(numbers: Iterable[int], *, act: Callable[[], None]) -> None:
    """Calls `act` in a thread of its own at the first of these signals. To be called in the main thread.

    A handler that set an Event itself could interrupt the very call that holds the Event's lock, in `wait` or in the
    `set` of a signal before, and would wait for ever: two signals at once (`timeout` sends two) were enough.
    """
    read_end, write_end = os.pipe()
    for number in numbers:
        signal.signal(number, lambda _number, _frame: os.write(write_end, b"."))

    def wait() -> None:
        os.read(read_end, 1)
        act()

    threading.Thread(target=wait, name="signals", daemon=True).start()
