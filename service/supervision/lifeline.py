"""The lifeline: a pipe whose write end the supervisor alone holds. When it closes, whoever holds it is gone.

`python -m service.supervision.lifeline FD -- COMMAND...` runs a command that knows nothing of it, and ends the command
with all that it started when the pipe closes, on SIGTERM, or when the command itself ends.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psutil

from service.supervision.signals import when_signalled

END_SECONDS = 3.0
POLL_SECONDS = 0.05


def when_closed(descriptor: int, *, act: Callable[[], None]) -> None:
    """Calls `act` in a thread of its own once the write end of the pipe is closed."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        act()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def end_tree(root: psutil.Process) -> None:
    """Ends a process with all its descendants: asked first, killed after END_SECONDS."""
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    end_all(tree)


def end_all(processes: list[psutil.Process]) -> None:
    """Ends these processes: asked first, killed after END_SECONDS."""
    _each(processes, act=psutil.Process.terminate)
    left = wait_until_gone(processes, seconds=END_SECONDS)
    _each(left, act=psutil.Process.kill)
    wait_until_gone(left, seconds=END_SECONDS)


def wait_until_gone(processes: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Waits at most `seconds` until these have ended, whether or not anybody took note of it; gives the others."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _each(processes: list[psutil.Process], *, act: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            act(process)
        except psutil.NoSuchProcess:
            continue


def run(command: list[str], *, descriptor: int) -> int:
    """Runs the command until it ends or the lifeline closes; gives its exit code (negative: a signal)."""
    child = subprocess.Popen(command)
    root = psutil.Process(child.pid)
    over = threading.Event()
    when_signalled((signal.SIGTERM, signal.SIGINT), act=over.set)
    when_closed(descriptor, act=over.set)
    while child.poll() is None and not over.wait(POLL_SECONDS):
        pass
    end_tree(root)
    return child.wait()


def main() -> None:
    """The command line: FD -- COMMAND..."""
    descriptor, separator, *command = sys.argv[1:]
    if separator != "--" or not command:
        sys.exit("usage: python -m service.supervision.lifeline FD -- COMMAND...")
    sys.exit(abs(run(command, descriptor=int(descriptor))))


if __name__ == "__main__":
    main()
