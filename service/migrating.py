"""Brings the schema of a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from service.errors import ConfigurationError

FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Runs the migrations that the database has not had yet. Raises ConfigurationError when it cannot be used."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        what = str(error).splitlines()[0]
        raise ConfigurationError(f"RAVINE_DATABASE_URL: the database cannot be used ({what}).") from error
