"""A process that is told to end, ends, however often it is told."""

import signal
import subprocess
import sys

PROGRAM = """
import signal, threading
from service.supervision.signals import when_signalled
over = threading.Event()
when_signalled((signal.SIGTERM, signal.SIGINT), act=over.set)
print("ready", flush=True)
while not over.wait(0.0001):
    pass
print("over")
"""


def test_many_signals_at_once_are_as_good_as_one() -> None:
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in (signal.SIGTERM, signal.SIGINT) * 25:
            process.send_signal(number)
        assert process.communicate(timeout=10)[0] == "over\n"
        assert process.returncode == 0
