"""A file that is read once and looked at meanwhile: how much there is, and whether its quotes come in pairs."""

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from trainer.importing.refused import Refused

GZIP_MAGIC = b"\x1f\x8b"


def opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where it is gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


class WatchedFile(io.RawIOBase):
    """The bytes of a file, counted as they are read. Refused when they are more than told, or end early."""

    def __init__(self, path: Path, *, max_bytes: int, max_lines: int) -> None:
        super().__init__()
        self._file = opened(path)
        self._max_bytes = max_bytes
        self._max_lines = max_lines
        self.num_bytes = 0
        self.num_lines = 0
        self.num_quotes = 0
        self.num_nuls = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes at most."""
        try:
            found = self._file.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise Refused(
                "file", message="the gzip file is damaged or ends early", mend="pack and upload it again"
            ) from None
        self.num_bytes += len(found)
        self.num_lines += found.count(b"\n")
        if self.num_bytes > self._max_bytes or self.num_lines > self._max_lines:
            raise Refused(
                "file",
                message=f"the file holds more than {self._max_bytes // 2**20} MiB when unpacked, or more than "
                f"{self._max_lines} lines",
                mend="upload fewer rows or columns",
            )
        self.num_quotes += found.count(b'"')
        self.num_nuls += found.count(b"\x00")
        return found

    def close(self) -> None:
        """Closes what is under it."""
        self._file.close()
        super().close()
