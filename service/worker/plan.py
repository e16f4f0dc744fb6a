"""What a worker is started with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.protocol import Hello
from service.worker.session import Address


@dataclass(frozen=True)
class WorkerPlan:
    """Who the worker is, and how its child is started.

    The child stands back by `child_nice`, not the parent: verdicts go through it, and what is trained while one waits
    for the processor is thrown away. `own_folder` holds its files where it does not share the service's. `problems` are
    files or modules with plugins. A worker that has had nothing in hand for `idle_seconds` leaves.
    """

    address: Address
    hello: Hello
    child_command: tuple[str, ...]
    child_environment: Mapping[str, str]
    own_folder: Path
    child_nice: int = 0
    problems: tuple[str, ...] = ()
    idle_seconds: float | None = None
    pulse_file: Path | None = None
