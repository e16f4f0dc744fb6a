"""The schema of a database: made, brought up to date from each earlier one, and let alone when it is not ours."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from service.coordination.coordinator import Coordinator
from service.database.database import Database
from service.database.migrating import SchemaState, has_schema, migrate, ready_schema, schema_state
from service.errors import ConfigurationError, NotTheOwner
from service.files import Files
from service.tables import metadata
from tests.databases import Databases
from tests.service.database_look import Look

EARLIER = ("0001", "0002")
STARTS = """
import sys
from service.database.migrating import migrate, ready_schema
print("ready", flush=True)
sys.stdin.read()
(migrate if sys.argv[2] == "migrate" else ready_schema)(sys.argv[1])
"""


@pytest.fixture
def empty_url(either_database: Databases, tmp_path: Path) -> str:
    """A database without anything in it."""
    return either_database.for_service().get("RAVINE_DATABASE_URL", f"sqlite:///{tmp_path / 'ravine.db'}")


@pytest.fixture
def look(empty_url: str) -> Iterator[Look]:
    eyes = Look(empty_url)
    yield eyes
    eyes.close()


def test_an_empty_database_gets_the_schema_of_the_tables(look: Look) -> None:
    assert (schema_state(look.url), has_schema(look.url)) == (SchemaState.EMPTY, False)
    ready_schema(look.url)
    assert (schema_state(look.url), has_schema(look.url)) == (SchemaState.CURRENT, True)
    assert look.differences() == []
    assert set(look.rows()) == {*metadata.tables, "alembic_version"}


def test_ids_of_events_are_never_given_twice_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ravine.db'}"
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'event'").scalar_one()
        indexes = {index["name"] for table in metadata.tables for index in inspect(connection).get_indexes(table)}
    engine.dispose()
    assert "AUTOINCREMENT" in str(sql)
    assert {"event_by_sweep", "attempt_by_worker", "trial_by_state"} <= indexes


@pytest.mark.parametrize("revision", EARLIER)
def test_an_earlier_schema_is_brought_up_to_date_with_its_rows(look: Look, revision: str) -> None:
    look.migrate_to(revision)
    look.fill()
    before = look.rows()
    assert migrate(look.url) is SchemaState.OLDER
    after = look.rows()
    assert (schema_state(look.url), look.differences()) == (SchemaState.CURRENT, [])
    assert after.pop("owner")[0]["epoch"] == before.pop("owner")[0]["epoch"] + 1
    for table in before.keys() - {"alembic_version"}:
        [old], [new] = before[table], after[table]
        assert {name: new[name] for name in old} == old


def test_what_lies_in_a_current_database_stays(look: Look) -> None:
    migrate(look.url)
    look.run("INSERT INTO owner (id, epoch, taken_at) VALUES (1, 5, 0.0)")
    before = look.rows()
    assert migrate(look.url) is SchemaState.CURRENT
    ready_schema(look.url)
    assert look.rows() == before


@pytest.mark.parametrize(
    ("revision", "words"), [("0001", "older than .*run: ravine migrate"), ("9999", "does not know.*at least as new")]
)
def test_nothing_writes_to_another_schema(look: Look, tmp_path: Path, revision: str, words: str) -> None:
    look.migrate_to("0001")
    look.run(f"UPDATE alembic_version SET version_num = '{revision}'", "INSERT INTO owner VALUES (1, 5, 0.0)")
    look.close()
    before, content = look.rows(), _content(tmp_path)
    for use in (has_schema, ready_schema, *([migrate] if revision == "9999" else [])):
        with pytest.raises(ConfigurationError, match=words):
            use(look.url)
    assert (look.rows(), _content(tmp_path)) == (before, content)


def _content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("ravine.db*")}


def test_a_coordinator_that_still_runs_on_an_older_database_is_refused(look: Look, tmp_path: Path) -> None:
    """The older service does what this one does: it looks at the owner's epoch in each transaction."""
    migrate(look.url)
    database = Database(look.url)
    coordinator = Coordinator(database, files=Files(tmp_path / "files"))
    coordinator.open()
    owned = look.rows()["owner"][0]["epoch"]
    tables = [*metadata.tables.keys() - {"owner"}, "alembic_version"]
    look.run(*(f"DROP TABLE {table}" for table in tables), "ALTER TABLE owner RENAME TO kept")
    look.migrate_to("0001")
    look.run("INSERT INTO owner SELECT * FROM kept", "DROP TABLE kept")
    migrate(look.url)
    assert look.rows()["owner"][0]["epoch"] == owned + 1
    with pytest.raises(NotTheOwner):
        coordinator.tick()
    database.close()


def test_nobody_takes_over_what_was_migrated_since_the_start_looked(look: Look, tmp_path: Path) -> None:
    migrate(look.url)
    look.run("INSERT INTO owner VALUES (1, 5, 0.0)", "UPDATE alembic_version SET version_num = '9999'")
    database, before = Database(look.url), look.rows()
    with pytest.raises(ConfigurationError, match="at least as new"):
        Coordinator(database, files=Files(tmp_path / "files")).open()
    assert look.rows() == before
    database.close()


def test_all_at_once_on_an_empty_database_end_well(look: Look) -> None:
    _all_at_once(look.url, ways=("start", "start", "migrate"))
    assert (has_schema(look.url), look.differences()) == (True, [])


def test_two_at_once_on_an_older_database_end_well(look: Look) -> None:
    look.migrate_to("0001")
    look.run("INSERT INTO owner VALUES (1, 5, 0.0)")
    _all_at_once(look.url, ways=("migrate", "migrate"))
    assert (has_schema(look.url), look.differences()) == (True, [])
    assert look.rows()["owner"][0]["epoch"] == 6


def _all_at_once(url: str, *, ways: tuple[str, ...]) -> None:
    """Processes that wait for one another, and then begin at one moment; all must end well."""
    with ExitStack() as stack:
        commands = [[sys.executable, "-c", STARTS, url, way] for way in ways]
        started = [stack.enter_context(_process(command)) for command in commands]
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in started:
            assert one.stdin is not None
            one.stdin.close()
            one.stdin = None
        assert [(one.communicate(timeout=60), one.returncode) for one in started] == [(("", ""), 0)] * len(ways)


def _process(command: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
