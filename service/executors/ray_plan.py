"""What a worker is as a job of Ray. Nothing secret is in it: Ray shows it to everybody who may ask."""

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.executors.ray_client import RayJob
from service.executors.ray_package import RayPackage, ray_package
from service.settings import Settings

ENTRYPOINT = "python -m service.worker"
OWNER = "ravine"
ROUNDING = 1e-6  # 0.3 CPU hold three workers of 0.1
STOP_WAIT_SECONDS = 5  # Ray kills a job 3 s after it was asked to end; a worker takes up to 4 s for its checkpoints


@dataclass(frozen=True)
class RayPlan:
    """How many workers there may be (0: as many as the cluster holds) and how one is started.

    `owner` tells our jobs from those of others. `variables` is all that a worker is told but its id. `tells_problems`:
    one worker is wanted at the start, so that its plugins become known.
    """

    num_workers: int
    entrypoint: str
    variables: Mapping[str, str]
    owner: str
    num_cpus: float = 1
    num_gpus: float = 0
    package: RayPackage | None = None
    tells_problems: bool = False

    def job(self, worker: str) -> dict[str, Any]:
        """The request that starts this worker."""
        runtime: dict[str, Any] = {"env_vars": {**self.variables, "RAVINE_WORKER_ID": worker}}
        if self.package is not None:
            runtime["working_dir"] = self.package.uri
        return {
            "submission_id": worker,
            "entrypoint": self.entrypoint,
            "entrypoint_num_cpus": self.num_cpus,
            "entrypoint_num_gpus": self.num_gpus,
            "runtime_env": runtime,
            "metadata": {OWNER: self.owner},
        }

    def owns(self, job: RayJob) -> bool:
        """Whether we submitted it."""
        return is_owned(job, owner=self.owner)

    def capacity(self, nodes: list[dict[str, float]]) -> int:
        """How many workers these nodes hold in all."""
        return sum(self._room(node) for node in nodes)

    def _room(self, node: dict[str, float]) -> int:
        asked = (("CPU", self.num_cpus), ("GPU", self.num_gpus))
        return min(int(node.get(kind, 0.0) / amount + ROUNDING) for kind, amount in asked if amount > 0)


def is_owned(job: RayJob, *, owner: str) -> bool:
    """Whether this owner submitted the job."""
    return (job.metadata or {}).get(OWNER) == owner


def ray_plan(settings: Settings, *, owner: str) -> RayPlan:
    """The plan that the settings ask for. Raises ConfigurationError."""
    package = ray_package(settings.problems) if settings.ray_code == "upload" else None
    variables = {
        "RAVINE_URL": settings.worker_url,
        "RAVINE_EXECUTOR": "ray",
        "RAVINE_SLOTS": str(settings.slots),
        "RAVINE_THREADS": str(max(1, int(settings.worker_cpus))),
        "RAVINE_DEVICE": "cuda:0" if settings.worker_gpus else "cpu",
        "RAVINE_IDLE_SECONDS": f"{settings.idle_seconds:g}",
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_SECONDS),
    }
    if settings.problems:  # where none are named a node's own count
        variables["RAVINE_PROBLEMS"] = ",".join(settings.problems if package is None else package.problems)
    return RayPlan(
        num_workers=settings.workers,
        entrypoint=_entrypoint(settings),
        variables=variables,
        owner=owner,
        num_cpus=settings.worker_cpus,
        num_gpus=settings.worker_gpus,
        package=package,
        tells_problems=bool(settings.problems),
    )


def _entrypoint(settings: Settings) -> str:
    """The command of a worker, for a shell: the node says where the join token lies, or else it lies as it does here.

    A variable of the job would hide the node's own.
    """
    if settings.join_token is not None:
        return ENTRYPOINT
    default = shlex.quote(str(settings.join_token_path))
    return f"RAVINE_JOIN_TOKEN_FILE=${{RAVINE_JOIN_TOKEN_FILE:-{default}}} {ENTRYPOINT}"


def owner_of(join_token: str) -> str:
    """One name for all starts of a service, wherever they are, another for each other one on the same cluster.

    It follows from the secret that they share and does not lead back to it, however short that is.
    """
    return hashlib.scrypt(join_token.encode(), salt=b"owner of a job on Ray", n=2**14, r=8, p=1, dklen=8).hex()
