"""Files between a worker and the service: nothing to do where both see one folder."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from service.protocol import Welcome
from service.worker.child_messages import ChildSaid
from service.worker.connection import Reply
from service.worker.session import Session
from trainer.config import Assignment, CheckpointRef
from trainer.task import Export, Exported, Predict, Task

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """The files that this message names lie with the service: it may be told."""

    said: ChildSaid


@dataclass(frozen=True)
class Fetched:
    """What the service has of the files that this needs lies in the folder."""

    wanted: Assignment | Task


def shared_folder(welcome: Welcome) -> Path | None:
    """The service's folder, if this machine sees it: its marker is there."""
    folder = Path(welcome.files_folder)
    return folder if (folder / welcome.files_marker).is_file() else None


def split_files(said: ChildSaid) -> tuple[ChildSaid, ChildSaid | None]:
    """What can be told at once, and what names files that must be with the service first."""
    later = ChildSaid(
        checkpoints=said.checkpoints,
        weights=said.weights,
        endings=tuple(ending for ending in said.endings if ending.checkpoint is not None),
        task_results=tuple(result for result in said.task_results if isinstance(result.value, Exported)),
    )
    if not _named(later):
        return said, None
    rest = {
        "checkpoints": (),
        "weights": (),
        "endings": tuple(ending for ending in said.endings if ending not in later.endings),
        "task_results": tuple(result for result in said.task_results if result not in later.task_results),
    }
    return said.model_copy(update=rest), later


def needed(wanted: Assignment | Task) -> tuple[str, ...]:
    """The hashes of the files without which this cannot be begun: uploaded data, a checkpoint, weights."""
    if isinstance(wanted, Assignment):
        problem, ref = wanted.problem, wanted.checkpoint
    else:
        problem = wanted.body.problem
        ref = wanted.body.weights if isinstance(wanted.body, Predict | Export) else None
    data = (problem.digest,) if problem.dataset is not None and problem.digest is not None else ()
    return (*data, *((ref.sha256,) if ref is not None else ()))


class Transfers:
    """Puts and fetches files, one after the other, in one thread; `tell` hears Stored and Fetched."""

    def __init__(self, session: Session, *, path: str, folder: Path, tell: Callable[[object], None]) -> None:
        self._session, self._path, self._folder, self._tell = session, path, folder, tell
        self._jobs: SimpleQueue[ChildSaid | Assignment | Task] = SimpleQueue()
        self.num_open = 0

    def put(self, said: ChildSaid) -> None:
        """Sends the files that the message names."""
        self.num_open += 1
        self._jobs.put(said)

    def lacks(self, wanted: Assignment | Task) -> bool:
        """Whether something that it needs is not here yet."""
        return not all(self._file(sha256).exists() for sha256 in needed(wanted))

    def fetch(self, wanted: Assignment | Task) -> None:
        """Fetches what it needs."""
        self.num_open += 1
        self._jobs.put(wanted)

    def done(self) -> None:
        """The owner heard of the end of one job."""
        self.num_open -= 1

    def run(self) -> None:
        """The work of the thread. Raises LinkLost."""
        while True:
            job = self._jobs.get()
            if isinstance(job, ChildSaid):
                for ref in _named(job):
                    self._put(ref)
                    self._file(ref.sha256).unlink(missing_ok=True)  # fetched again if it is ever wanted here
                self._tell(Stored(job))
            else:
                for sha256 in needed(job):
                    self._fetch(sha256)
                self._tell(Fetched(job))

    def _file(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.safetensors"

    def _put(self, ref: CheckpointRef) -> None:
        path, file = f"{self._path}/files/{ref.sha256}", self._file(ref.sha256)

        def request() -> Reply:
            # What was put before may be gone from here, and since then from there: whoever goes on from it begins anew.
            if self._session.has(path) or not file.exists():
                return Reply(200)
            return self._session.put(path, pieces=_pieces(file), num_bytes=file.stat().st_size)

        self._session.insist(request)

    def _fetch(self, sha256: str) -> None:
        """Whoever reads the folder sees the whole file or none; a missing or damaged one is for the child to name."""
        if self._file(sha256).exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".fetching-{sha256}"
        self._session.insist(lambda: self._session.get(f"{self._path}/files/{sha256}", into=partial))
        if partial.exists() and _sha256(partial) == sha256:
            os.replace(partial, self._file(sha256))


def _named(said: ChildSaid) -> list[CheckpointRef]:
    notes = [note.checkpoint for note in said.checkpoints] + [note.weights for note in said.weights]
    exported = [result.value.file for result in said.task_results if isinstance(result.value, Exported)]
    return notes + exported + [ending.checkpoint for ending in said.endings if ending.checkpoint is not None]


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
