"""Which executor the settings ask for."""

import os
import shutil
import subprocess
import sys

from service.coordination.coordinator import Coordinator
from service.executors.contract import Believed, Executor
from service.executors.external import ExternalExecutor
from service.executors.local import LocalExecutor, LocalPlan
from service.settings import Settings, inherited

NVIDIA_SMI_SECONDS = 10
LOCAL = "local"


def executor_of(settings: Settings, *, coordinator: Coordinator) -> Executor:
    """The executor, which adopts the local workers that an earlier service left behind."""
    if settings.executor != LOCAL:
        return ExternalExecutor()
    believed = [Believed(one.id, one.pid) for one in coordinator.workers() if one.executor == LOCAL]
    return LocalExecutor(local_plan(settings), believed=believed, is_heard=coordinator.is_heard)


def local_plan(settings: Settings) -> LocalPlan:
    """One worker per GPU, else one per core; the cores are shared out among them."""
    num_cores = os.cpu_count() or 1
    devices = _gpus()
    num_workers = settings.workers or len(devices) or num_cores
    environment = {
        **inherited(),
        "RAVINE_HOME": str(settings.home.absolute()),
        "RAVINE_URL": settings.local_url,
        "RAVINE_EXECUTOR": LOCAL,
        "RAVINE_JOIN_TOKEN_FILE": str(settings.join_token_path),
        "RAVINE_THREADS": str(max(1, num_cores // num_workers)),
        "RAVINE_PROBLEMS": ",".join(settings.problems),
    }
    if devices:
        environment["RAVINE_DEVICE"] = "cuda"
    return LocalPlan(
        num_workers=num_workers,
        command=(sys.executable, "-m", "service.worker"),
        environment=environment,
        log_folder=settings.home.absolute() / "logs",
        lifeline_fd=settings.lifeline_fd,
        devices=devices,
    )


def _gpus() -> tuple[str, ...]:
    """The indices of the CUDA devices of this machine, found without torch."""
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=False)
    return tuple(found.stdout.split()) if found.returncode == 0 else ()
