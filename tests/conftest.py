"""Which database the tests run on, and where they get one: all that need a database ask for `databases`."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.databases import KINDS, Databases, PostgresDatabases, SqliteDatabases
from tests.postgres_server import PostgresServer

DATABASES = {"databases", "either_database", "mortal"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of ours."""
    told = "the database of all tests that have one; with postgresql only these are run"
    parser.addoption("--database", choices=KINDS, default="sqlite", help=told)


def pytest_configure() -> None:
    """One thread, before torch is imported: two that wait for each other on a busy machine are ten times slower.

    And what a shell starts in the background ignores SIGINT, as then would all that the tests start and interrupt.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL the tests that never come near a database would only say again what they said before."""
    if config.getoption("--database") == "sqlite":
        return
    kept = [item for item in items if DATABASES.intersection(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL, started when the first test asks for it."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> PostgresDatabases:
    """Databases of PostgreSQL."""
    return PostgresDatabases(postgres_server)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Files of SQLite."""
    return SqliteDatabases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """Databases of the kind that was chosen."""
    chosen = "postgres" if request.config.getoption("--database") == "postgresql" else "sqlite"
    found: Databases = request.getfixturevalue(chosen)
    return found


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """One database with our schema, for one test."""
    url = databases.new()
    yield url
    databases.drop(url)


@pytest.fixture(params=KINDS)
def either_database(request: pytest.FixtureRequest) -> Databases:
    """Databases of both kinds, one after the other, whatever was chosen."""
    found: Databases = request.getfixturevalue("postgres" if request.param == "postgresql" else "sqlite")
    return found
