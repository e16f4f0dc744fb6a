"""The folder of checkpoints and weights: every file is named by the SHA-256 of its content."""

import errno
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from service.errors import InvalidRequest, NotFound, StorageFull, TooLarge

log = structlog.get_logger()

SHA256 = re.compile(r"[0-9a-f]{64}")


class Files:
    """Puts, finds and removes files by content hash. `marker` is a file by which a worker knows the folder again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.marker = f"marker-{secrets.token_hex(8)}"
        for pattern in ("marker-*", "incoming-*"):  # incoming: what an upload left when the service was killed
            for old in folder.glob(pattern):
                shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        (folder / self.marker).touch()

    def path(self, sha256: str) -> Path:
        """Where the file lies. Raises NotFound."""
        place = self._place(sha256)
        if not place.is_file():
            raise NotFound(f"There is no file {sha256}.")
        return place

    async def put(self, sha256: str, *, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        """Stores a file under its hash, atomically. Raises InvalidRequest when the content has another one."""
        place = self._place(sha256)
        digest, num_bytes = hashlib.sha256(), 0
        with _full_disk_told(), tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-", delete=False) as file:
            temporary = Path(file.name)
            try:
                async for chunk in chunks:
                    num_bytes += len(chunk)
                    if num_bytes > max_bytes:
                        raise TooLarge(f"The file is larger than {max_bytes} bytes.")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                if digest.hexdigest() != sha256:
                    raise InvalidRequest("The content does not have the hash that the path names; send it again.")
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)

    @contextmanager
    def incoming_folder(self) -> Iterator[Path]:
        """A folder of one's own on the same disk, gone after the block. Raises StorageFull for a full disk in it."""
        with _full_disk_told(), tempfile.TemporaryDirectory(dir=self.folder, prefix="incoming-") as folder:
            yield Path(folder)

    @contextmanager
    def adopting(self, path: Path, *, sha256: str) -> Iterator[None]:
        """The file at `path` lies under its hash once the block has ended well; otherwise all is as before."""
        place = self._place(sha256)
        is_new = not place.exists()
        if is_new:
            path.rename(place)
        try:
            yield
        except BaseException:
            if is_new:
                place.unlink(missing_ok=True)
            raise

    def remove(self, hashes: Iterable[str]) -> None:
        """Removes files that nobody needs any more."""
        for sha256 in hashes:
            try:
                self._place(sha256).unlink(missing_ok=True)
            except OSError as error:  # a file too many is no reason to stop
                log.warning("file.not_removed", sha256=sha256, reason=str(error))

    def _place(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise NotFound("A file is named by 64 hexadecimal digits.")
        return self.folder / f"{sha256}.safetensors"


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull("The disk that holds the files is full: free space, then send it again.") from error
