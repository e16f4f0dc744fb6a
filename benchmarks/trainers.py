"""Processes that train side by side: all of a machine's cores at work."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.training_process import Order, Trained
from service.settings import inherited

ROOT = Path(__file__).resolve().parents[1]


class Trainers:
    """Processes that wait for orders."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"]) -> None:
        self._processes = processes

    def rate(self, order: Order, *, num_processes: int) -> float:
        """Trial-steps per second of so many processes together; they begin at once, and each has its own trials."""
        chosen = self._processes[:num_processes]
        for number, process in enumerate(chosen):
            _say(process, line=json.dumps(asdict(order) | {"seed": 1000 * order.seed + number}))
        for process in chosen:
            _heard(process)
        for process in chosen:
            _say(process, line="begin")
        return sum(Trained(**json.loads(_heard(process))).rate for process in chosen)


@contextmanager
def trainers(num_processes: int) -> Iterator[Trainers]:
    """They end with the block."""
    with ExitStack() as stack:
        yield Trainers([stack.enter_context(_started()) for _ in range(num_processes)])


def _started() -> "subprocess.Popen[str]":
    """Its end of input ends it, and so it does when this process dies."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.training_process"],
        cwd=ROOT,
        env={**inherited(), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _say(process: "subprocess.Popen[str]", *, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _heard(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the process that trains ended with {process.wait()}")
    return line
