"""`ravine migrate`: makes the schema in an empty database, and brings an older one up to date."""

from rich.console import Console

from service.database.migrating import SchemaState, migrate, needed
from service.errors import ConfigurationError
from service.settings import Settings, load
from service.starting.home import own_home
from service.starting.refusal import refuse

DONE = {
    SchemaState.EMPTY: "The database was empty: it has the schema {} now.",
    SchemaState.CURRENT: "The database has the schema {} already: nothing to do.",
    SchemaState.OLDER: "The database had an older schema: it has {} now, and a service that still ran on it ends.",
}


def migrated(settings: Settings) -> str:
    """Migrates, and says what was done. Raises ConfigurationError."""
    if settings.database_url is None:
        own_home(settings.home)
    return DONE[migrate(settings.database)].format(" and ".join(needed()))


def main() -> None:
    """The command: 0 when the schema is the one that is needed now, 2 when it cannot be."""
    try:
        Console().print(migrated(load()), soft_wrap=True, highlight=False, markup=False)
    except ConfigurationError as error:
        refuse(error)


if __name__ == "__main__":
    main()
