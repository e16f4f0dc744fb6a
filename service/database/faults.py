"""What can be wrong with the database that the settings name, and how to mend it: one line each."""

import os
import re
import tempfile
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import ConfigurationError
from sweeps.wrong import FieldError

VARIABLE = "RAVINE_DATABASE_URL"
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
FORMS = "write it as postgresql://user@host:5432/database or sqlite:////path/to/file"
START = "start the database, or name another one"
PASSWORD = "mend the password in it, or RAVINE_DATABASE_PASSWORD(_FILE) where it has none"
FOLDER = "name a file in a folder that this user can write"
# What a server says when it refuses to talk: there is no SQLSTATE then, only words.
MENDS = {
    r"password authentication failed|no password supplied": PASSWORD,
    r'database ".*" does not exist': "create the database, or name another one",
    r'role ".*" does not exist': "name a user that the database knows",
    r"permission denied": "give its user the right to create tables there",
    r"unable to open database file|readonly database": FOLDER,
    r"not a database": "name another file",
}
MOST_CHARACTERS = 300


def checked_url(url: str) -> URL:
    """The URL of a database that Ravine can use. Raises ConfigurationError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise wrong_database("this is not the URL of a database", mend=FORMS) from error
    if parsed.drivername not in DRIVERS:
        raise wrong_database(f"Ravine does not speak {parsed.drivername}", mend=FORMS)
    if "@" in (parsed.host or ""):  # whoever looks for that host would say a part of the password
        mend = "write it as %40, or leave the password out and set RAVINE_DATABASE_PASSWORD(_FILE)"
        raise wrong_database("its password has an @ in it", mend=mend)
    if not is_file(parsed):
        return parsed
    if not parsed.database or parsed.database == ":memory:":
        raise wrong_database("it names no file", mend=FORMS)
    _check_file(Path(parsed.database))
    return parsed


def _check_file(path: Path) -> None:
    if path.exists():
        if not os.access(path, os.W_OK):
            raise wrong_database(f"{path} cannot be written", mend=FOLDER)
        return
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise wrong_database(f"nothing can be made in {path.parent} ({error.strerror})", mend=FOLDER) from error


def shown_url(url: str) -> str:
    """The URL as it may be shown: without its password, and without the options, where another may stand."""
    return checked_url(url).set(query={}).render_as_string(hide_password=True)


def is_file(url: URL) -> bool:
    """Whether this is SQLite."""
    return url.get_backend_name() == "sqlite"


def unusable(error: Exception) -> ConfigurationError:
    """What the driver raised, in one line."""
    what = str(getattr(error, "orig", None) or error).partition("\n")[0][:MOST_CHARACTERS]
    mend = next((mend for words, mend in MENDS.items() if re.search(words, what)), START)
    return wrong_database(f"the database cannot be used ({what})", mend=mend)


def wrong_database(message: str, *, mend: str) -> ConfigurationError:
    """One fault of the database that was named."""
    fault = FieldError(VARIABLE, message, mend)
    return ConfigurationError(f"{fault}.", errors=(fault,))
