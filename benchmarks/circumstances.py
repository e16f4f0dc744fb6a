"""What a figure hangs on: the commit, the machine and the versions."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ravine", "torch", "optuna", "mlflow", "fastapi", "sqlalchemy", "numpy")
NUM_CORES = 2


def on_two_cores() -> list[int]:
    """Keeps this process, and all that it will start, on the first two cores it may use; gives the cores in use."""
    if not hasattr(os, "sched_setaffinity"):
        return list(range(psutil.cpu_count() or 1))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    return sorted(os.sched_getaffinity(0))


def circumstances(*, seed: int, ray_python: Path | None) -> dict[str, Any]:
    """JSON-able."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    if ray_python is not None:
        versions["ray"] = _said_by(
            str(ray_python), "-c", "from importlib.metadata import version; print(version('ray'))"
        )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said_by("git", "rev-parse", "HEAD") + ("+" if _said_by("git", "status", "--porcelain") else ""),
        "seed": seed,
        "cpu": _cpu(),
        "cores": on_two_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    if not listing.exists():
        return platform.processor()
    lines = listing.read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _said_by(*command: str) -> str:
    """The output of a program; empty where it is missing or fails."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
