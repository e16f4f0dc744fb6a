"""The stack of docker-compose.yml, as a project of the tests' own: other names, other ports, secrets of its own."""

import secrets
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from service.client import Client
from service.supervision.ports import free_port
from tests.compose.engine import Engine, run
from tests.end_to_end.running import wait_for

SECRETS = ("POSTGRES_PASSWORD", "MLFLOW_DATABASE_PASSWORD", "RAVINE_TOKEN", "RAVINE_JOIN_TOKEN")
LASTING = ("postgres", "mlflow", "api", "recorder", "worker")
IMAGE = "ravine:test"
BUILD_SECONDS = 1500
UP_SECONDS = 300
COME_BACK_SECONDS = 120
# The one process under the container's init: a kill of the init itself would need the host's root.
KILL = r"""kill -9 $(grep -l "^PPid:[[:space:]]*1$" /proc/[0-9]*/status | cut -d/ -f3)"""


class Stack:
    """One Compose project. Its containers are named by their service; `worker` runs twice."""

    def __init__(self, engine: Engine, *, folder: Path) -> None:
        self.engine = engine
        self.project = f"ravine-test-{secrets.token_hex(4)}"
        self.variables = {name: secrets.token_hex(24) for name in SECRETS}
        self.variables |= {"RAVINE_PORT": str(free_port()), "RAVINE_MLFLOW_PORT": str(free_port())}
        self.variables |= {"RAVINE_IMAGE": IMAGE, "RAVINE_WORKER_MEMORY": "2g"}
        self.env_file = folder / "env"
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
        self.url = f"http://127.0.0.1:{self.variables['RAVINE_PORT']}"
        self.mlflow_url = f"http://127.0.0.1:{self.variables['RAVINE_MLFLOW_PORT']}"

    def compose(
        self, *arguments: str, check: bool = True, seconds: float = UP_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs Compose on this project."""
        whose = ("--project-name", self.project, "--env-file", str(self.env_file))
        return run(*self.engine.compose, *whose, *arguments, check=check, seconds=seconds)

    def build(self) -> None:
        """Builds the image; what has not changed comes from the engine's cache."""
        self.compose("build", "migrate", seconds=BUILD_SECONDS)

    def up(self) -> None:
        """Starts everything, and waits until all of it is healthy."""
        started = self.compose("up", "--detach", "--no-build", "--scale", "worker=2", check=False)
        assert started.returncode == 0, started.stderr + self.compose("logs", "--no-color", "--tail", "20").stdout
        wait_for(self.is_healthy, seconds=UP_SECONDS)

    def down(self, *options: str) -> None:
        """Removes containers and networks; the volumes too with `--volumes`."""
        self.compose("down", *options)

    def is_healthy(self) -> bool:
        """Whether every container that lasts says so."""
        containers = [one for service in LASTING for one in self.containers(service)]
        return len(containers) == len(LASTING) + 1 and all(map(self._says_healthy, containers))

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, those that have ended too."""
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return self.engine.docker("ps", "--all", "--quiet", "--no-trunc", *filters).stdout.split()

    def exec(self, container: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in a container, as the container's own user."""
        return self.engine.docker("exec", container, *command, check=False)

    def kill(self, service: str) -> str:
        """kill -9 of a container's main process (`docker kill` would count as stopped by hand). Gives its id."""
        container = self.containers(service)[0]
        before = self.engine.inspect(container)["State"]["StartedAt"]
        self.exec(container, "sh", "-c", KILL)
        wait_for(lambda: self._is_back(container, before=before), seconds=COME_BACK_SECONDS)
        return container

    def address(self, service: str, *, network: str) -> str:
        """The IP address of a service in one of the project's networks."""
        networks = self.engine.inspect(self.containers(service)[0])["NetworkSettings"]["Networks"]
        return str(networks[f"{self.project}_{network}"]["IPAddress"])

    def client(self) -> "closing[Client]":
        """A client with the user's token."""
        return closing(Client(self.url, token=self.variables["RAVINE_TOKEN"]))

    def mlflow_runs(self, experiment_id: str) -> list[dict[str, Any]]:
        """All runs of an experiment, by MLflow's published REST API."""
        body = {"experiment_ids": [experiment_id], "max_results": 1000}
        url = f"{self.mlflow_url}/api/2.0/mlflow/runs/search"
        answer = httpx.post(url, json=body, timeout=30, trust_env=False).raise_for_status()
        return list(answer.json().get("runs", []))

    def _is_back(self, container: str, *, before: str) -> bool:
        state = self.engine.inspect(container)["State"]
        return bool(state["StartedAt"] != before and state["Running"] and state["Health"]["Status"] == "healthy")

    def _says_healthy(self, container: str) -> bool:
        return bool(self.engine.inspect(container)["State"].get("Health", {}).get("Status") == "healthy")
