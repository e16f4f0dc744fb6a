"""A test's own eyes on a database, whatever its schema."""

from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Boolean, Connection, Float, Integer, MetaData, Table, create_engine, text

from service.database.migrating import STEPS
from service.tables import metadata


class Look:
    """Looks, fills and migrates without the code that is tested; to be closed at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url)

    def run(self, *statements: str) -> None:
        with self._engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def migrate_to(self, revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(STEPS))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def fill(self) -> None:
        """A row in each table."""
        with self._engine.begin() as connection:
            for table in _tables(connection):
                if table.name != "alembic_version":
                    connection.execute(table.insert().values({one.name: _value(one.type) for one in table.columns}))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        with self._engine.connect() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
                for table in _tables(connection)
            }

    def differences(self) -> list[Any]:
        """Between the schema and the tables of the code."""
        with self._engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), metadata))

    def close(self) -> None:
        self._engine.dispose()


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return found.sorted_tables


def _value(kind: Any) -> Any:
    if isinstance(kind, JSON):
        return {"kept": [1, None]}
    if isinstance(kind, Boolean):
        return True
    return 1 if isinstance(kind, Integer) else 1.5 if isinstance(kind, Float) else "kept"
