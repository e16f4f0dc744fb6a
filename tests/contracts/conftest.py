"""The engines under contract, and a database server that may be killed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.engines import RunEngine
from tests.databases import PostgresDatabases
from tests.postgres_server import PostgresServer
from tests.trainer.scripted_source import ScriptedSource
from trainer.checkpoint import CheckpointStore
from trainer.engine import train
from trainer.pauses import AS_A_SERVICE


@pytest.fixture
def checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.fixture(params=["serial", "fused"])
def run_engine(request: pytest.FixtureRequest, checkpoints: CheckpointStore) -> RunEngine:
    """Trains all that a source hands out, one at a time, by each engine in turn."""

    def run(source: ScriptedSource) -> None:
        source.assign(engine=request.param, width=4)
        pauses = replace(AS_A_SERVICE, ahead_seconds=0)  # a look at the source between any two updates
        train(source, slots=1, device="cpu", checkpoints=checkpoints, pauses=pauses)

    return run


@pytest.fixture(scope="session")
def mortal() -> Iterator[PostgresDatabases]:
    """A server that may be killed: nobody else is on it."""
    server = PostgresServer()
    yield PostgresDatabases(server)
    server.close()


@pytest.fixture
def server(mortal: PostgresDatabases) -> PostgresServer:
    """That server."""
    return mortal.server


@pytest.fixture
def mortal_url(mortal: PostgresDatabases, server: PostgresServer) -> Iterator[str]:
    """A database with our schema on it."""
    url = mortal.new()
    yield url
    if not server.is_running():
        server.start()
    mortal.drop(url)
