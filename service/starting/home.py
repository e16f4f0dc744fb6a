"""The folder with all state: made, and found to be ours to write."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from service.errors import ConfigurationError


def own_home(home: Path) -> Path:
    """The home folder, made where it is missing, open to its owner alone. Raises ConfigurationError."""
    home = home.absolute()
    with writing_in(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=home).close()
    return home


def prepare_home(home: Path) -> Path:
    """The home folder with a folder for logs. Raises ConfigurationError."""
    home = own_home(home)
    with writing_in(home):
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        tempfile.TemporaryFile(dir=home / "logs").close()
    return home


@contextmanager
def writing_in(home: Path) -> Iterator[None]:
    """A block that makes files below the home folder. Raises ConfigurationError when they cannot be made."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        what = f"{error.filename or home} is no folder, nor can it be made one"
        raise ConfigurationError(f"RAVINE_HOME: {what}; set RAVINE_HOME to another one.") from error
    except OSError as error:
        place = Path(error.filename).parent if error.filename else home
        mend = "make it writable, or set RAVINE_HOME to another folder"
        what = f"nothing can be made in {place} ({error.strerror})"
        raise ConfigurationError(f"RAVINE_HOME: {what}; {mend}.") from error


def locked(file: IO[str]) -> bool:
    """Takes the lock on an open file, which ends with the process; gives whether nobody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
