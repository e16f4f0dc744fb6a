import os
import time
from pathlib import Path

import pytest
import torch

from trainer.checkpoint import CheckpointStore, Stored
from trainer.errors import CheckpointError

STORED = Stored(tensors={"theta": torch.arange(6.0).view(1, 6), "steps": torch.tensor([3])}, text='{"a": "ü"}')


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "files" / "checkpoints")


def test_what_was_saved_is_loaded(store: CheckpointStore) -> None:
    loaded = store.load(store.save(STORED, epoch=2))
    assert loaded.text == STORED.text
    assert set(loaded.tensors) == {"theta", "steps"}
    assert all(torch.equal(loaded.tensors[name], tensor) for name, tensor in STORED.tensors.items())


def test_the_same_content_is_the_same_file(store: CheckpointStore) -> None:
    first, second = store.save(STORED, epoch=2), store.save(STORED, epoch=2)
    assert first == second
    [file] = store.folder.iterdir()
    assert file == store.path(first.sha256)
    assert file.stat().st_size == first.num_bytes


def test_a_view_is_saved_as_what_it_shows(store: CheckpointStore) -> None:
    flat = torch.arange(12.0)
    view = flat[2:8].view(2, 3).t()
    loaded = store.load(store.save(Stored(tensors={"view": view}, text="{}"), epoch=0))
    assert torch.equal(loaded.tensors["view"], view)


def test_what_a_killed_writer_left_is_cleared_once_it_is_old(store: CheckpointStore) -> None:
    store.clear_unfinished()
    store.save(STORED, epoch=2)
    old, young = store.folder / ".writing-old", store.folder / ".writing-young"
    for path in (old, young):
        path.touch()
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    store.clear_unfinished()
    assert not old.exists()
    assert young.exists()
    assert len(list(store.folder.iterdir())) == 2


def test_a_missing_file_is_told(store: CheckpointStore) -> None:
    ref = store.save(STORED, epoch=2)
    store.path(ref.sha256).unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        store.load(ref)


@pytest.mark.parametrize("damaged", [b"", b"nonsense", bytes(400)])
def test_a_damaged_file_is_told(store: CheckpointStore, damaged: bytes) -> None:
    ref = store.save(STORED, epoch=2)
    store.path(ref.sha256).write_bytes(damaged)
    with pytest.raises(CheckpointError, match="damaged"):
        store.load(ref)


def test_a_flipped_bit_is_told(store: CheckpointStore) -> None:
    ref = store.save(STORED, epoch=2)
    content = bytearray(store.path(ref.sha256).read_bytes())
    content[-1] ^= 1
    store.path(ref.sha256).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        store.load(ref)


def test_a_folder_that_takes_nothing_is_told_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="could not be written"):
        CheckpointStore(tmp_path / "file").save(STORED, epoch=0)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
