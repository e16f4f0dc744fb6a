"""Secrets that lie in files: read, and the join token made."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from service.errors import ConfigurationError


def secret_in(path: Path, *, variable: str) -> str:
    """The secret in a file that this variable names. Raises ConfigurationError."""
    try:
        secret = path.read_text(encoding="utf-8")
    except OSError as error:
        value = variable.removesuffix("_FILE").removesuffix("_PATH")
        mend = f"name a file that this user can read, or set {value} to the secret itself"
        raise ConfigurationError(f"{variable}: {path} cannot be read ({error.strerror}); {mend}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{variable}: {path} holds no text; write the secret into it, in one line.") from error
    return plain_secret(secret, where=f"{variable}: {path}")


def plain_secret(secret: str, *, where: str) -> str:
    """A secret as a header can carry it, without white space around it. Raises ConfigurationError."""
    secret = secret.strip()
    if not secret:
        raise ConfigurationError(f"{where} is empty; write the secret into it, in one line.")
    if not secret.isprintable() or not secret.isascii():
        raise ConfigurationError(f"{where} holds more than one line of plain characters; keep one line.")
    return secret


def make_join_token(path: Path) -> str:
    """The join token at `path`; made there, readable by its owner alone, when there is none.

    Raises ConfigurationError.
    """
    try:
        _make(path)
    except OSError as error:
        what = f"no token can be made in {path.parent} ({error.strerror})"
        mend = "make it writable, or set RAVINE_JOIN_TOKEN to a secret of your own"
        raise ConfigurationError(f"RAVINE_JOIN_TOKEN_FILE: {what}; {mend}.") from error
    return secret_in(path, variable="RAVINE_JOIN_TOKEN_FILE")


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="join-token-") as file:  # readable by us alone
        file.write(secrets.token_urlsafe(32))
        file.flush()
        with suppress(FileExistsError):  # linked when it is whole: nobody ever reads half a token
            os.link(file.name, path)
