"""The folder of files by content hash."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.errors import InvalidRequest, NotFound, TooLarge
from service.files import Files
from tests.service.api_house import in_pieces

CONTENT = b"weights" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def put(files: Files, sha256: str, *, chunks: AsyncIterator[bytes], max_bytes: int = 10_000) -> None:
    """Puts in a loop of its own."""
    asyncio.run(files.put(sha256, chunks=chunks, max_bytes=max_bytes))


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
