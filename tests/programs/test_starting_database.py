"""How the programs start on a database that is not as they need it, or that another one uses."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from service.database.migrating import migrate, needed
from service.errors import ConfigurationError
from service.settings import load
from service.starting.checking import check_start
from service.supervision.ports import free_port
from tests.databases import Databases, PostgresDatabases
from tests.service.database_look import Look
from tests.service.programs import (
    API,
    MIGRATE,
    RECORDER,
    START_SECONDS,
    UP,
    refusal,
    running,
    until_ready,
    variables,
)
from tests.service.recorder_story import Story


def newest() -> str:
    """The schema that this code needs."""
    [revision] = needed()
    return revision


def first_schema(url: str, *, revision: str = "0001") -> None:
    """The first schema, under the name of any."""
    look = Look(url)
    look.migrate_to("0001")
    look.run(f"UPDATE alembic_version SET version_num = '{revision}'")
    look.close()


@pytest.mark.parametrize("module", [API, UP, RECORDER])
def test_an_older_schema_is_let_alone(module: str, tmp_path: Path) -> None:
    file = tmp_path / "ravine.db"
    first_schema(f"sqlite:///{file}")
    before = file.read_bytes()
    assert refusal(module, variables(tmp_path)) == (
        f"RAVINE_DATABASE_URL: its schema is 0001, older than {newest()}, which this Ravine needs; "
        "back the database up, then run: ravine migrate."
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize("module", [API, MIGRATE])
def test_a_newer_schema_is_let_alone(module: str, tmp_path: Path) -> None:
    file = tmp_path / "ravine.db"
    first_schema(f"sqlite:///{file}", revision="9999")
    before = file.read_bytes()
    assert refusal(module, variables(tmp_path)) == (
        f"RAVINE_DATABASE_URL: its schema is 9999, which this Ravine does not know: it needs {newest()}; "
        "install a Ravine that is at least as new, or name another database."
    )
    assert file.read_bytes() == before


def test_migrate_mends_an_older_schema(tmp_path: Path) -> None:
    first_schema(f"sqlite:///{tmp_path / 'ravine.db'}")
    command = [sys.executable, "-m", MIGRATE]
    done = subprocess.run(command, env=variables(tmp_path), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(f"The database had an older schema: it has {newest()} now")


@pytest.fixture
def guarded(postgres: PostgresDatabases) -> str:
    """The URL, without a password, of a user whom the server asks for one."""
    with psycopg.connect(postgres.server.url(), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        [rules] = connection.execute("SHOW hba_file").fetchone() or ("",)
        lines = "('host all guarded 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')"
        connection.execute(f"COPY (VALUES {lines}) TO '{rules}'".encode())
        connection.execute("SELECT pg_reload_conf()")
    url = postgres.server.url().replace("postgres@", "guarded@")
    deadline = time.monotonic() + START_SECONDS
    while _lets_in(url):
        assert time.monotonic() < deadline
    return url


def _lets_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_wrong_password_is_told(guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mend = r"mend the password in it, or RAVINE_DATABASE_PASSWORD\(_FILE\) where it has none\.$"
    monkeypatch.setenv("RAVINE_HOME", str(tmp_path))
    monkeypatch.setenv("RAVINE_DATABASE_URL", guarded)
    with pytest.raises(ConfigurationError, match=f"^RAVINE_DATABASE_URL: .*no password supplied.*; {mend}"):
        check_start(load())
    monkeypatch.setenv("RAVINE_DATABASE_PASSWORD", "hunter2")
    with pytest.raises(ConfigurationError, match=f"^RAVINE_DATABASE_URL: .*password authentication failed.*; {mend}"):
        check_start(load())
    monkeypatch.setenv("RAVINE_DATABASE_PASSWORD", "right")
    check_start(load())


def test_the_api_says_that_the_password_is_wrong(guarded: str, tmp_path: Path) -> None:
    said = refusal(API, variables(tmp_path, database_url=guarded, database_password="hunter2"))
    assert 'password authentication failed for user "guarded"); mend the password' in said


def test_a_database_that_is_not_there(postgres: PostgresDatabases) -> None:
    with pytest.raises(ConfigurationError, match=r'database "nowhere" does not exist.*; create the database'):
        migrate(postgres.server.url("nowhere"))


def test_the_recorder_waits_for_the_schema(tmp_path: Path) -> None:
    with running(RECORDER, variables(tmp_path)) as recorder:
        assert recorder.stdout is not None
        assert "the database is empty" in recorder.stdout.readline()
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(START_SECONDS) == 0
    assert not (tmp_path / "ravine.db").exists()


def test_a_recorder_writes_nothing_once_the_schema_is_another(database_url: str, tmp_path: Path) -> None:
    """It began on the schema that it knows; then the database was migrated by a newer Ravine."""
    pulse, elsewhere = tmp_path / "pulse", {"mlflow_uri": "http://127.0.0.1:9"}
    with running(RECORDER, variables(tmp_path, database_url=database_url, pulse_file=pulse, **elsewhere)) as recorder:
        _wait_until(pulse.exists)
        look = Look(database_url)
        look.run("UPDATE alembic_version SET version_num = '9999'")
        story = Story(tmp_path, database_url=database_url)
        story.sweep()
        story.database.close()
        assert recorder.wait(START_SECONDS) == 2
        assert recorder.stdout is not None
        assert "ravine: RAVINE_DATABASE_URL: its schema is 9999, which this" in recorder.stdout.read()
    assert (look.rows()["mlflow_run"], look.rows()["recorder"]) == ([], [])
    look.close()


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_second_coordinator_takes_over(either_database: Databases, tmp_path: Path) -> None:
    """Two real ones on one database: the first leaves with code 3 and one line, the second goes on."""
    given = either_database.for_service()
    first_port, second_port = free_port(), free_port()
    with running(API, variables(tmp_path, port=first_port) | given) as first:
        until_ready(first_port)
        with running(API, variables(tmp_path, port=second_port) | given) as second:
            assert first.wait(START_SECONDS) == 3
            assert first.stdout is not None
            line = [line for line in first.stdout.read().splitlines() if line.startswith("ravine: ")]
            assert len(line) == 1
            assert line[0].endswith("This one ends.")
            until_ready(second_port)
            assert second.poll() is None
