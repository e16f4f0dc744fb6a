"""Checkpoints and weights between a worker and the service: nothing to do where both see one folder."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import httpx

from service.protocol import Welcome
from service.worker.child_messages import ChildSaid
from service.worker.session import Session
from trainer.config import Assignment, CheckpointRef

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """The files that this message names lie with the service: it may be told."""

    said: ChildSaid


@dataclass(frozen=True)
class Fetched:
    """What the service has of the checkpoint of this attempt lies in the folder."""

    attempt: int


def shared_folder(welcome: Welcome) -> Path | None:
    """The service's folder, if this machine sees it: its marker is there."""
    folder = Path(welcome.files_folder)
    return folder if (folder / welcome.files_marker).is_file() else None


def split_files(said: ChildSaid) -> tuple[ChildSaid, ChildSaid | None]:
    """What can be told at once, and what names files that must be with the service first."""
    stored_endings = tuple(ending for ending in said.endings if ending.checkpoint is not None)
    if not (said.checkpoints or said.weights or stored_endings):
        return said, None
    other_endings = tuple(ending for ending in said.endings if ending.checkpoint is None)
    now = said.model_copy(update={"checkpoints": (), "weights": (), "endings": other_endings})
    return now, ChildSaid(checkpoints=said.checkpoints, weights=said.weights, endings=stored_endings)


class Transfers:
    """Puts and fetches files, one after the other, in one thread; `tell` hears Stored and Fetched."""

    def __init__(self, session: Session, *, path: str, folder: Path, tell: Callable[[object], None]) -> None:
        self._session, self._path, self._folder, self._tell = session, path, folder, tell
        self._jobs: SimpleQueue[ChildSaid | Assignment] = SimpleQueue()
        self.num_open = 0

    def put(self, said: ChildSaid) -> None:
        """Sends the files that the message names."""
        self.num_open += 1
        self._jobs.put(said)

    def fetch(self, assignment: Assignment) -> None:
        """Fetches the checkpoint of the assignment."""
        self.num_open += 1
        self._jobs.put(assignment)

    def done(self) -> None:
        """The owner heard of the end of one job."""
        self.num_open -= 1

    def run(self) -> None:
        """The work of the thread. Raises LinkLost."""
        while True:
            job = self._jobs.get()
            if isinstance(job, Assignment):
                assert job.checkpoint is not None
                self._fetch(job.checkpoint)
                self._tell(Fetched(job.attempt))
            else:
                for ref in _named(job):
                    self._put(ref)
                    self._file(ref).unlink(missing_ok=True)  # fetched again if it is ever wanted here
                self._tell(Stored(job))

    def _file(self, ref: CheckpointRef) -> Path:
        return self._folder / f"{ref.sha256}.safetensors"

    def _put(self, ref: CheckpointRef) -> None:
        path, file = f"{self._path}/files/{ref.sha256}", self._file(ref)

        def request() -> httpx.Response:
            # What was put before may be gone from here, and since then from there: whoever goes on from it begins anew.
            if self._session.has(path) or not file.exists():
                return httpx.Response(200)
            return self._session.put(path, pieces=_pieces(file), num_bytes=file.stat().st_size)

        self._session.insist(request)

    def _fetch(self, ref: CheckpointRef) -> None:
        """Whoever reads the folder sees the whole file or none; a missing or damaged one is for the child to name."""
        if self._file(ref).exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".fetching-{ref.sha256}"
        self._session.insist(lambda: self._session.get(f"{self._path}/files/{ref.sha256}", into=partial))
        if partial.exists() and _sha256(partial) == ref.sha256:
            os.replace(partial, self._file(ref))


def _named(said: ChildSaid) -> list[CheckpointRef]:
    notes = [note.checkpoint for note in said.checkpoints] + [note.weights for note in said.weights]
    return notes + [ending.checkpoint for ending in said.endings if ending.checkpoint is not None]


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
