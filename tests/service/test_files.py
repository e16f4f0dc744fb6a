"""The folder of files by content hash."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.errors import InvalidRequest, NotFound, StorageFull, TooLarge
from service.files import Files
from tests.service.api_house import in_pieces

CONTENT = b"weights" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def put(files: Files, sha256: str, *, chunks: AsyncIterator[bytes], max_bytes: int = 10_000) -> None:
    """Puts in a loop of its own."""
    asyncio.run(files.put(sha256, chunks=chunks, max_bytes=max_bytes))


def upload_to_a_full_disk(files: Files) -> None:
    """The disk is full when a part of the upload is written."""
    with files.incoming_folder() as folder:
        (folder / "upload").write_bytes(CONTENT)
        raise OSError(errno.ENOSPC, "No space left on device")


def adopt_and_fail(files: Files, incoming: Path) -> None:
    """The row that goes with the file could not be stored."""
    with files.adopting(incoming, sha256=SHA256):
        assert files.path(SHA256).read_bytes() == CONTENT
        raise InvalidRequest("no row")


def test_what_was_put_lies_under_its_hash(tmp_path: Path) -> None:
    files = Files(tmp_path)
    put(files, SHA256, chunks=in_pieces([CONTENT[:10], b"", CONTENT[10:]]))
    assert files.path(SHA256).read_bytes() == CONTENT
    put(files, SHA256, chunks=in_pieces([CONTENT]))
    files.remove([SHA256, "f" * 64])
    with pytest.raises(NotFound):
        files.path(SHA256)


def test_what_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionError("the worker is gone")

    files = Files(tmp_path)
    with pytest.raises(InvalidRequest, match="hash"):
        put(files, "a" * 64, chunks=in_pieces([CONTENT]))
    with pytest.raises(TooLarge, match="99 bytes"):
        put(files, SHA256, chunks=in_pieces([CONTENT]), max_bytes=99)
    with pytest.raises(ConnectionError):
        put(files, SHA256, chunks=breaks_off())
    assert [file.name for file in tmp_path.iterdir()] == [files.marker]


@pytest.mark.parametrize("name", ["", "../x", "a" * 63, "A" * 64, "a" * 64 + "\n", "g" * 64])
def test_only_hashes_are_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        Files(tmp_path).path(name)


def test_each_start_has_a_marker_of_its_own(tmp_path: Path) -> None:
    first, second = Files(tmp_path), Files(tmp_path)
    assert first.marker != second.marker
    assert [file.name for file in tmp_path.iterdir()] == [second.marker]


def test_what_an_upload_left_behind_is_cleared_away_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "incoming-abc").write_bytes(b"half")
    (tmp_path / f"{SHA256}.safetensors").write_bytes(CONTENT)
    files = Files(tmp_path)
    assert not (tmp_path / "incoming-abc").exists()
    assert files.path(SHA256).exists()


def test_a_folder_of_incoming_files_is_gone_after_its_use_and_at_the_next_start(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with pytest.raises(StorageFull):
        upload_to_a_full_disk(files)
    assert [one.name for one in tmp_path.iterdir()] == [files.marker]
    (tmp_path / "incoming-killed").mkdir()
    (tmp_path / "incoming-killed" / "upload").write_bytes(CONTENT)
    again = Files(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [again.marker]


def test_a_file_is_adopted_only_when_what_goes_with_it_ends_well(tmp_path: Path) -> None:
    files = Files(tmp_path / "files")
    incoming = tmp_path / "prepared"
    incoming.write_bytes(CONTENT)
    with pytest.raises(InvalidRequest):
        adopt_and_fail(files, incoming)
    with pytest.raises(NotFound):
        files.path(SHA256)
    incoming.write_bytes(CONTENT)
    with files.adopting(incoming, sha256=SHA256):
        pass
    with pytest.raises(InvalidRequest):
        adopt_and_fail(files, incoming)
    assert files.path(SHA256).read_bytes() == CONTENT
