"""Puts a prepared data set into the folder of files, under the hash of its content."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import FILE_TEXT
from trainer.importing.request import StoredFile
from trainer.prepared import AboutData

_WORDS = {np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}


def stored(tensors: Mapping[str, NDArray[Any]], *, about: AboutData, folder: Path) -> StoredFile:
    """Writes the file whole or not at all; the same content gives the same bytes. OSError where it cannot be."""
    digest, num_bytes = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="incoming-", delete=False) as file:
        temporary = Path(file.name)
        try:
            for piece in _pieces(tensors, about=about):
                digest.update(piece)
                num_bytes += piece.nbytes
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(folder / f"{digest.hexdigest()}.safetensors")
        finally:
            temporary.unlink(missing_ok=True)
    return StoredFile(sha256=digest.hexdigest(), num_bytes=num_bytes)


def _pieces(tensors: Mapping[str, NDArray[Any]], *, about: AboutData) -> Iterator[memoryview]:
    """A file in the format safetensors: the size of a header, the header as JSON, the tensors one after the other.

    Written here, not by that library, which would hold two more copies of the data in memory than there is room for,
    and does not tell a full disk from other errors.
    """
    header: dict[str, Any] = {"__metadata__": {FILE_TEXT: about.model_dump_json()}}
    # The widest numbers first, so that each tensor begins at a multiple of the size of its numbers.
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    end = 0
    for name in names:
        start, end = end, end + tensors[name].nbytes
        header[name] = {
            "dtype": _WORDS[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield memoryview(len(text).to_bytes(8, "little"))
    yield memoryview(text)
    for name in names:
        yield np.ascontiguousarray(tensors[name]).data.cast("B")
