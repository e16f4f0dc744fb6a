"""A trainer child that trains nothing: all epochs of an assignment are reported at once. Measures the service's cost.

Speaks what service/worker/child_messages.py describes, in plain JSON: `python noop_child.py READ WRITE`. A worker is
started with it by `python -m service.worker --child python benchmarks/noop_child.py`.
"""

import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any


def metrics(settings: dict[str, Any], *, epoch: int) -> dict[str, float]:
    """Made-up metrics: best near a learning rate of 0.1, better with every epoch."""
    distance = abs(math.log10(settings["learning_rate"]) + 1.0)
    val_loss = 0.1 + 0.2 * distance + 1.0 / (1 + epoch)
    return {
        "val_accuracy": 1.0 / (1.0 + val_loss),
        "val_loss": val_loss,
        "train_loss": 0.9 * val_loss,
        "learning_rate": settings["learning_rate"],
        "momentum": settings["momentum"],
        "grad_norm": val_loss,
        "epoch_seconds": 0.001,
    }


def reports(assignment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All reports of one assignment."""
    for epoch in range(1, assignment["epochs"] + 1):
        yield {
            "attempt": assignment["attempt"],
            "epoch": epoch,
            "metrics": metrics(assignment["settings"], epoch=epoch),
            "seconds": 0.001 * epoch,
            "last": epoch == assignment["epochs"],
        }


def answers_to(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the child says when it was told this."""
    for assignment in told["assignments"]:
        attempt = assignment["attempt"]
        yield {"taken": [attempt], "started": [attempt], "reports": list(reports(assignment))}


def main() -> None:
    """Serves until the parent is gone or wants to leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    read_fd, write_fd = (int(argument) for argument in sys.argv[1:3])
    with os.fdopen(read_fd, "rb") as told_lines, os.fdopen(write_fd, "wb") as said_lines:
        said_lines.write(b'{"ready": true}\n')
        said_lines.flush()
        for line in told_lines:
            told = json.loads(line)
            for said in answers_to(told):
                said_lines.write(json.dumps(said).encode() + b"\n")
            said_lines.flush()
            if told["drain"]:
                return


if __name__ == "__main__":
    main()
