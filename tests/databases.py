"""Databases for the tests: empty ones with our schema, as many as are asked for, of either kind."""

import itertools
import shutil
from pathlib import Path
from typing import Literal, Protocol

from service.database.migrating import migrate, needed
from service.tables import metadata
from tests.postgres_server import PostgresServer

Kind = Literal["sqlite", "postgresql"]
[HEAD] = needed()
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


class Databases(Protocol):
    """Where databases come from."""

    def new(self) -> str:
        """The URL of a database that holds our schema and nothing else."""

    def drop(self, url: str) -> None:
        """Removes a database that nobody needs any more."""

    def for_service(self) -> dict[str, str]:
        """The environment that gives a Ravine of its own an empty database without a schema."""


class SqliteDatabases:
    """Files in a folder, copies of the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}")

    def new(self) -> str:
        """A copy of the first file."""
        file = self._folder / f"ravine{next(self._numbers)}.db"
        shutil.copy(self._template, file)
        return f"sqlite:///{file}"

    def drop(self, url: str) -> None:
        """Removes the file."""
        for end in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + end).unlink(missing_ok=True)

    def for_service(self) -> dict[str, str]:
        """Nothing: a file in its home is the default."""
        return {}


class PostgresDatabases:
    """Databases on one real server. One that was dropped is emptied and used again: making one costs 20 times that."""

    TEMPLATE = "ravine_template"
    TABLES = ", ".join(metadata.tables)

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._numbers = itertools.count()
        self._unused: list[str] = []
        self.server.run(f"CREATE DATABASE {self.TEMPLATE}")
        migrate(self.server.url(self.TEMPLATE))

    def new(self) -> str:
        """An emptied one, or a copy of the template."""
        if self._unused:
            return self._unused.pop()
        return self._make(f"TEMPLATE {self.TEMPLATE} STRATEGY FILE_COPY")

    def drop(self, url: str) -> None:
        """Throws out whoever is still there, and empties it."""
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        self.server.run(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}",
            f"TRUNCATE {self.TABLES} RESTART IDENTITY",
            f"UPDATE alembic_version SET version_num = '{HEAD}'",  # a test may have told of another
            url=url,
        )
        self._unused.append(url)

    def for_service(self) -> dict[str, str]:
        """A database without anything in it."""
        return {"RAVINE_DATABASE_URL": self._make("")}

    def _make(self, how: str) -> str:
        name = f"ravine{next(self._numbers)}"
        self.server.run(f"CREATE DATABASE {name} {how}")
        return self.server.url(name)
