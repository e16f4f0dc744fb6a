"""R1: the word decides the room."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house.source import Source

SQL = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+TABLE\s)", re.S)
SQL_ROOMS = (
    "service/stores/",
    "service/tables.py",
    "service/database",
    "service/migrations/",
)


@dataclass(frozen=True)
class Word:
    """A library that only some rooms may name. A room is a folder (ends in /) or the beginning of a path."""

    libraries: tuple[str, ...]
    rooms: tuple[str, ...]


WORDS = (
    Word(("torch",), ("trainer/",)),
    Word(("optuna", "cmaes"), ("sweeps/",)),
    Word(("mlflow",), ("service/recorder/",)),
    Word(("fastapi", "starlette"), ("service/routes/", "service/app.py", "service/errors.py")),
    Word(("sqlalchemy", "alembic", "sqlite3", "psycopg"), SQL_ROOMS),
    Word(("ray",), ("service/executors/",)),
)
# Whoever holds a transaction may say so in its types; MLflow's own database is the recorder's, not ours.
ANYWHERE = ("sqlalchemy.Connection",)
EXCEPTIONS = {
    (f"service/recorder/{name}.py", library)
    for name in ("mlflow_embedded", "mlflow_statements", "mlflow_tables")
    for library in ("sqlite3", "sqlalchemy")
}
ENVIRONMENT_ROOM = "service/settings.py"


def strange_words(source: Source) -> Iterator[str]:
    """Libraries that are imported in a room that is not theirs."""
    for name, line in source.imports():
        library = name.split(".")[0]
        if name in ANYWHERE or (source.path, library) in EXCEPTIONS:
            continue
        for word in WORDS:
            if library in word.libraries and not source.path.startswith(word.rooms):
                yield f"{source.path}:{line} imports {name}; that belongs to {', '.join(word.rooms)}"


def strange_sql(source: Source) -> Iterator[str]:
    """SQL text outside its rooms."""
    if source.path.startswith(SQL_ROOMS):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield f"{source.path}:{node.lineno} holds SQL; that belongs to {', '.join(SQL_ROOMS)}"


def strange_environment(source: Source) -> Iterator[str]:
    """Reads of environment variables outside settings."""
    if source.path == ENVIRONMENT_ROOM:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv", "environb"):
            yield f"{source.path}:{node.lineno} touches the environment; that belongs to {ENVIRONMENT_ROOM}"
