"""A file on its way to the API."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

UPLOAD_TIMEOUT = httpx.Timeout(600.0, connect=5.0)  # once all is sent, the answer waits for the import


class FileOnItsWay(io.FileIO):
    """A file that tells how many bytes of it were read so far, each time some are."""

    def __init__(self, path: Path, *, tell: Callable[[int], None]) -> None:
        super().__init__(path)
        self._tell = tell

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        chunk = super().read(-1 if size is None else size)
        self._tell(self.tell())
        return chunk or b""


def form_texts(options: dict[str, Any]) -> dict[str, str]:
    """Options as the form bears them; one that is None is left out."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in options.items()
        if value is not None
    }


def say_nothing(_num_bytes: int) -> None:
    """For those who do not care how far it is."""
