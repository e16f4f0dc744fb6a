"""The migrations lead to the schema that the code describes."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from service.migrating import migrate
from service.tables import metadata


def test_an_empty_database_gets_the_schema_of_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ravine.db'}"
    migrate(url)
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        found = set(inspect(connection).get_table_names())
        indexes = {
            (table, index["name"]) for table in metadata.tables for index in inspect(connection).get_indexes(table)
        }
        sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'event'").scalar_one()
    engine.dispose()
    assert found == {*metadata.tables, "alembic_version"}
    assert {("event", "event_by_sweep"), ("attempt", "attempt_by_worker"), ("trial", "trial_by_state")} <= indexes
    assert "AUTOINCREMENT" in str(sql)  # an event's id is never given twice


def test_what_lies_in_the_database_stays(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ravine.db'}"
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(metadata.tables["owner"].insert(), {"id": 1, "epoch": 5, "taken_at": 0.0})
    migrate(url)
    with engine.connect() as connection:
        assert connection.execute(metadata.tables["owner"].select()).mappings().one()["epoch"] == 5
    engine.dispose()
