"""The logs of local workers: one file each, of which the latest few are kept for each place."""

import os
from pathlib import Path

NUM_KEPT = 5


def log_path(folder: Path, *, worker: str) -> Path:
    """Where a worker's log lies."""
    return folder / f"{worker}.log"


def make_room(folder: Path, *, prefix: str) -> None:
    """Removes the oldest logs of the workers whose ids begin so, until there is room for one more."""
    folder.mkdir(parents=True, exist_ok=True)
    logs = sorted(folder.glob(f"{prefix}*.log"), key=lambda path: path.stat().st_mtime)
    for path in logs[: max(0, len(logs) - NUM_KEPT + 1)]:
        path.unlink(missing_ok=True)


def tail_of(path: Path, *, max_bytes: int) -> bytes:
    """The last bytes of a file. Raises FileNotFoundError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - max_bytes))
        return file.read(max_bytes)
