"""Where the service of a home folder listens: `ravine up` writes it down, the command line reads it."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Addresses(BaseModel):
    """The URLs of the API and of the MLflow UI; the latter is null where the recorder is off."""

    model_config = ConfigDict(frozen=True)

    api: str
    mlflow: str | None

    @classmethod
    def of(cls, home: Path) -> Self | None:
        """What was written down; None when nothing was, or nothing readable."""
        try:
            return cls.model_validate_json(_file(home).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, home: Path) -> None:
        """Writes them down, whole or not at all."""
        new = _file(home).with_suffix(".new")
        new.write_text(self.model_dump_json())
        os.replace(new, _file(home))


def forget(home: Path) -> None:
    """Takes the note away: nobody listens there any more."""
    _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return home / "addresses.json"
