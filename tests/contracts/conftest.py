"""The engines under contract, and a database server that may be killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.engines import RunEngine
from tests.databases import PostgresDatabases
from tests.postgres_server import PostgresServer
from trainer.checkpoint import CheckpointStore
from trainer.engine import train


@pytest.fixture
def checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.fixture(params=["serial"])
def run_engine(request: pytest.FixtureRequest, checkpoints: CheckpointStore) -> RunEngine:
    """Trains all that a source hands out, by each engine in turn."""
    assert request.param == "serial"
    return lambda source: train(source, slots=1, device="cpu", checkpoints=checkpoints)


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
