"""Checkpoints and weights as files named by their content: safetensors with a JSON text in them, no pickle."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from trainer.config import FILE_TEXT, CheckpointRef
from trainer.errors import CheckpointError

_WRITING = ".writing-"
_NOBODY_WRITES_SECONDS = 3600.0


@dataclass(frozen=True)
class Stored:
    """What a file holds: tensors on the CPU by name, and a JSON text about them."""

    tensors: Mapping[str, Tensor]
    text: str


class CheckpointStore:
    """A folder of files `<sha256>.safetensors`; it is made when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256_hex: str) -> Path:
        """Where the file of this content lies, or would."""
        return self.folder / f"{sha256_hex}.safetensors"

    def clear_unfinished(self) -> None:
        """Remove what writers that were killed left half written: no write takes an hour."""
        for path in self.folder.glob(f"{_WRITING}*"):
            with suppress(OSError):  # another worker clears the same folder, or it is not ours to clear
                if time.time() - path.stat().st_mtime > _NOBODY_WRITES_SECONDS:
                    path.unlink()

    def save(self, stored: Stored, *, epoch: int) -> CheckpointRef:
        """Write, on the disk when this returns; `epoch` is the last whole one in it. CheckpointError when it fails."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in stored.tensors.items()}
        content = save(tensors, metadata={FILE_TEXT: stored.text})
        ref = CheckpointRef(sha256=sha256(content).hexdigest(), epoch=epoch, num_bytes=len(content))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_atomically(self.path(ref.sha256), content=content)
        except OSError as error:
            raise CheckpointError(f"The checkpoint could not be written to {self.folder}: {error}") from error
        return ref

    def load(self, ref: CheckpointRef) -> Stored:
        """Read; CheckpointError where the file is missing or is not what was written."""
        return self.read(ref.sha256)

    def read(self, sha256_hex: str) -> Stored:
        """The file of this content, whatever it holds; CheckpointError where it is missing or damaged."""
        try:
            content = self.path(sha256_hex).read_bytes()
        except OSError as error:
            raise CheckpointError(f"The file {sha256_hex} cannot be read: {error}") from error
        if sha256(content).hexdigest() != sha256_hex:
            raise CheckpointError(f"The file {sha256_hex} is damaged: its content has another hash")
        try:
            return Stored(tensors=load(content), text=_text(content))
        except (SafetensorError, ValueError, KeyError) as error:
            raise CheckpointError(f"The file {sha256_hex} is none of ours: {error}") from error


def _text(content: bytes) -> str:
    """The JSON text in a safetensors file: 8 bytes of length (little-endian), then the header as JSON."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    text: str = header["__metadata__"][FILE_TEXT]
    return text


def _write_atomically(path: Path, *, content: bytes) -> None:
    """Whoever reads sees the whole file or none, also after a crash of the machine."""
    with NamedTemporaryFile(dir=path.parent, prefix=_WRITING, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except OSError:
            with suppress(OSError):
                os.unlink(file.name)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
