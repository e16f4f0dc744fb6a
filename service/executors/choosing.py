"""Which executor the settings ask for."""

import os
import sys
from functools import partial

from service.coordination.coordinator import Coordinator
from service.errors import ServiceError
from service.executors.contract import Believed, Executor
from service.executors.external import ExternalExecutor
from service.executors.gpus import gpus
from service.executors.local import LocalExecutor, LocalPlan
from service.executors.ray_checking import ray_client
from service.executors.ray_executor import RayExecutor
from service.executors.ray_logs import RayLogs
from service.executors.ray_plan import owner_of, ray_plan
from service.executors.ray_roster import Witness
from service.executors.worker_logs import WorkerLogs
from service.settings import RaySettings, Settings, inherited

LOCAL = "local"


def executor_of(settings: Settings, *, coordinator: Coordinator) -> Executor:
    """The executor, which adopts its workers that an earlier service left behind. Raises ConfigurationError."""
    left = [one for one in coordinator.workers() if one.executor == settings.executor]
    if settings.executor == "ray":
        return RayExecutor(
            ray_plan(settings, owner=owner_of(settings.shared_join_token())),
            client=ray_client(RaySettings()),
            believed=[one.id for one in left],
            witness=Witness(coordinator.hearing.silent_seconds, has_lease=partial(_has_lease, coordinator)),
        )
    if settings.executor == LOCAL:
        believed = [Believed(one.id, one.pid) for one in left]
        return LocalExecutor(local_plan(settings), believed=believed, is_heard=coordinator.hearing.has_heard)
    return ExternalExecutor()


def worker_logs_of(settings: Settings) -> WorkerLogs:
    """Where the logs of workers can be read. Raises ConfigurationError."""
    jobs = None
    if settings.executor == "ray":
        jobs = RayLogs(ray_client(RaySettings()), owner=owner_of(settings.shared_join_token()))
    return WorkerLogs(settings.home.absolute() / "logs", jobs=jobs)


def local_plan(settings: Settings) -> LocalPlan:
    """One worker per GPU, else one per core; the cores are shared out among them."""
    num_cores = os.cpu_count() or 1
    devices = gpus()
    num_workers = settings.workers or len(devices) or num_cores
    environment = {
        **inherited(),
        "RAVINE_HOME": str(settings.home.absolute()),
        "RAVINE_URL": settings.local_url,
        "RAVINE_JOIN_TOKEN_FILE": str(settings.join_token_path),
        "RAVINE_SLOTS": str(settings.slots),
        "RAVINE_THREADS": str(max(1, num_cores // num_workers)),
        "RAVINE_PROBLEMS": ",".join(settings.problems),
    }
    if settings.join_token is not None:
        environment["RAVINE_JOIN_TOKEN"] = settings.join_token.get_secret_value()
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


def _has_lease(coordinator: Coordinator, worker: str) -> bool:
    """Whether the tables have the worker among the living; nobody is given up while they cannot be read."""
    try:
        return any(one.id == worker for one in coordinator.workers())
    except ServiceError:
        return True
