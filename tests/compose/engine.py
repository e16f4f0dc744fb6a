"""The container engine that the tests run on: the one that is there, or one that a command brings up."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.house.source import ROOT

UP_VARIABLE = "RAVINE_TEST_ENGINE_UP"
UP_SECONDS = 900
COMMAND_SECONDS = 120
# What a user's shell says of Ravine, of Ray or of Compose is not what the stack under test is to hear.
OURS = ("RAVINE_", "RAY_", "COMPOSE_", "POSTGRES_", "MLFLOW_", "PG")


@dataclass(frozen=True)
class Engine:
    """`compose` is the command of the Compose that is there, with or without a hyphen."""

    compose: tuple[str, ...]

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `docker` with these arguments."""
        return run("docker", *arguments, check=check)

    def inspect(self, container: str) -> dict[str, Any]:
        """All that the engine knows of a container."""
        return dict(json.loads(self.docker("inspect", container).stdout)[0])


def find_engine() -> Engine | str:
    """The engine, or why there is none."""
    if not _answers() and (command := os.environ.get(UP_VARIABLE)):
        brought = run(command, check=False, seconds=UP_SECONDS)
        if brought.returncode != 0:
            return f"{UP_VARIABLE} ({command}) failed: {brought.stdout[-1000:]}{brought.stderr[-1000:]}"
    if not _answers():
        return f"no container engine answers (`docker info`): start one, or name a command that does in {UP_VARIABLE}"
    for compose in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(compose[0]) and run(*compose, "version", check=False).returncode == 0:
            return Engine(compose)
    return "neither `docker compose` nor `docker-compose` is there: install one of them"


def run(*command: str, check: bool = True, seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
    """Runs a command, and says what it said when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


def _answers() -> bool:
    return shutil.which("docker") is not None and run("docker", "info", check=False).returncode == 0
