"""The lifeline, with real processes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from service.supervision.lifeline import wait_until_gone, when_closed

# Prints its pid and that of what it starts; the stubborn one has to be killed.
OBEDIENT = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + OBEDIENT


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    ends = list(os.pipe())
    yield ends
    for descriptor in ends:
        os.close(descriptor)


def start(code: str, *, read_end: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "service.supervision.lifeline", str(read_end), "--", sys.executable, "-c", code]
    return subprocess.Popen(command, pass_fds=(read_end,), stdout=subprocess.PIPE, text=True)


def pids(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def are_gone(pids: list[int]) -> bool:
    return not wait_until_gone([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], seconds=0)


def test_when_closed_acts_once_the_write_end_is_closed() -> None:
    read_end, write_end = os.pipe()
    closed = threading.Event()
    when_closed(read_end, act=closed.set)
    os.write(write_end, b"still here")
    assert not closed.wait(0.05)
    os.close(write_end)
    assert closed.wait(5)
    os.close(read_end)


def test_the_closed_pipe_ends_the_whole_tree(pipe: list[int]) -> None:
    with start(STUBBORN, read_end=pipe[0]) as wrapper:
        tree = pids(wrapper)
        assert not are_gone(tree)
        os.close(pipe.pop())
        wrapper.wait(timeout=10)
    assert are_gone(tree)


def test_sigterm_ends_the_whole_tree(pipe: list[int]) -> None:
    with start(OBEDIENT, read_end=pipe[0]) as wrapper:
        tree = pids(wrapper)
        wrapper.send_signal(signal.SIGTERM)
        wrapper.wait(timeout=10)
    assert are_gone(tree)


def test_the_exit_code_is_the_command_s(pipe: list[int]) -> None:
    with start("import sys; sys.exit(7)", read_end=pipe[0]) as wrapper:
        assert wrapper.wait(timeout=10) == 7
