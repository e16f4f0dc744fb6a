"""What workers wrote, for those who may not look into their machines."""

from pathlib import Path
from typing import Protocol

from service.errors import NotFound
from service.executors.contract import EXTERNAL
from service.executors.log_files import log_path, tail_of
from service.records import Worker

EXTERNAL_LOGS = "its log is where it was started, say in `docker compose logs worker`"


class Jobs(Protocol):
    """Where the workers are jobs."""

    def logs(self, job_id: str) -> str | None:
        """What a job has written so far; None where it is not known (any more). Raises Unavailable."""


class WorkerLogs:
    """The logs of the workers that the service's own executor started. `jobs`: where those on Ray are, if any are."""

    def __init__(self, folder: Path, *, jobs: Jobs | None = None) -> None:
        self._folder = folder
        self._jobs = jobs

    def tail(self, worker: Worker, *, max_bytes: int) -> bytes:
        """The last bytes that a worker and its child wrote. Raises NotFound, Unavailable."""
        if worker.executor == EXTERNAL:
            raise NotFound(f"Worker {worker.id} came by itself: {EXTERNAL_LOGS}.")
        if worker.executor == "local":
            return self._tail_of_file(worker.id, max_bytes=max_bytes)
        log = None if self._jobs is None else self._jobs.logs(worker.id)
        if log is None:
            raise NotFound(
                f"Ray has no log of worker {worker.id} (any more): the job was forgotten, or its node is gone."
            )
        return log.encode()[-max_bytes:]

    def _tail_of_file(self, worker_id: str, *, max_bytes: int) -> bytes:
        try:
            if worker_id.startswith("local-"):  # whoever knows the join token may say hello under other names
                return tail_of(log_path(self._folder, worker=worker_id), max_bytes=max_bytes)
        except FileNotFoundError:
            pass
        raise NotFound(f"The log of worker {worker_id} is not here (any more): only the latest ones are kept.")


def last_lines(log: bytes, *, num_lines: int) -> bytes:
    """The last lines of a log."""
    return b"".join(log.splitlines(keepends=True)[-num_lines:])
