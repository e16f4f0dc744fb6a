"""The schema of the database: whether it is the one that this code needs, and how it comes there."""

from enum import Enum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError

from service.database.engines import BUSY_SECONDS, CONNECT_SECONDS, EVENT_LOCK
from service.database.faults import checked_url, is_file, unusable, wrong_database
from service.errors import ConfigurationError
from service.stores import owner

STEPS = Path(__file__).parent.parent / "migrations"
MIGRATE = "back the database up, then run: ravine migrate"
UPDATE = "install a Ravine that is at least as new, or name another database"


class SchemaState(Enum):
    """The schema that is there, against the one that this code needs. One that nobody here knows is NEWER."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


def schema_state(url: str) -> SchemaState:
    """Looks, and writes nothing. Raises ConfigurationError when the database cannot be used."""
    return _state(_found(url))


def has_schema(url: str) -> bool:
    """Whether the schema of this code is there; False where none is. Raises ConfigurationError for any other one."""
    return _is_ours(_found(url))


def check_schema(connection: Connection) -> None:
    """Raises ConfigurationError where the schema has become another one: a transaction that writes asks this first."""
    _is_ours(_revisions(connection))


def ready_schema(url: str) -> None:
    """Makes the schema in an empty database. Raises ConfigurationError for one with an older or newer schema."""
    if not has_schema(url):
        migrate(url)


def migrate(url: str) -> SchemaState:
    """Brings the schema up to date in one transaction, and answers what was there before. Raises ConfigurationError.

    Of two at once the second one waits. A coordinator that still owns an older database is refused from now on.
    """
    if _state(found := _found(url)) is SchemaState.NEWER:
        raise _newer(found)
    engine = _engine(checked_url(url))
    try:
        with engine.begin() as connection:
            if connection.dialect.name != "sqlite":  # there BEGIN IMMEDIATE was enough
                connection.execute(select(func.pg_advisory_xact_lock(EVENT_LOCK)))
            return _upgrade(connection)
    except SQLAlchemyError as error:
        raise unusable(error) from error
    finally:
        engine.dispose()


@cache
def needed() -> tuple[str, ...]:
    """The schema of this code, by its revision."""
    return tuple(_script().get_heads())


def _upgrade(connection: Connection) -> SchemaState:
    found = _revisions(connection)
    before = _state(found)
    if before is SchemaState.NEWER:  # since it was looked at
        raise _newer(found)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if before is SchemaState.OLDER:
        owner.take(connection)
    return before


def _found(url: str) -> tuple[str, ...]:
    """The revisions that the database says it has; none where there is no database yet."""
    parsed = checked_url(url)
    if is_file(parsed) and not Path(str(parsed.database)).exists():
        return ()
    engine = create_engine(parsed, poolclass=NullPool, connect_args=_patience(parsed))
    try:
        with engine.connect() as connection:
            return _revisions(connection)
    except SQLAlchemyError as error:
        raise unusable(error) from error


def _engine(url: URL) -> Engine:
    """Not as a Database opens it: there a statement has seconds, and the rows of a team may take minutes."""
    engine = create_engine(url, poolclass=NullPool, connect_args=_patience(url))
    if is_file(url):
        event.listen(engine, "connect", lambda connection, _record: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _patience(url: URL) -> dict[str, int]:
    if is_file(url):
        return {"timeout": BUSY_SECONDS}
    return {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}


def _is_ours(found: tuple[str, ...]) -> bool:
    """False where there is none."""
    state = _state(found)
    if state is SchemaState.OLDER:
        what = f"its schema is {_words(found)}, older than {_words(needed())}, which this Ravine needs"
        raise wrong_database(what, mend=MIGRATE)
    if state is SchemaState.NEWER:
        raise _newer(found)
    return state is SchemaState.CURRENT


def _revisions(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _state(found: tuple[str, ...]) -> SchemaState:
    if not found:
        return SchemaState.EMPTY
    if found == needed():
        return SchemaState.CURRENT
    known = {step.revision for step in _script().walk_revisions()}
    return SchemaState.OLDER if known.issuperset(found) else SchemaState.NEWER


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(STEPS).replace("%", "%%"))  # as configparser wants it
    return config


def _words(revisions: tuple[str, ...]) -> str:
    return " and ".join(revisions)


def _newer(found: tuple[str, ...]) -> ConfigurationError:
    what = f"its schema is {_words(found)}, which this Ravine does not know: it needs {_words(needed())}"
    return wrong_database(what, mend=UPDATE)
