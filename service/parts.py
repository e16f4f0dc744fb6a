"""The parts of which the API is put together."""

from dataclasses import dataclass

from service.coordination.coordinator import Coordinator
from service.database.database import Database
from service.datasets.importing import Importer
from service.executors.worker_logs import WorkerLogs
from service.files import Files


@dataclass(frozen=True)
class Parts:
    """What the routes work with. `user_token` is None where user routes are open (loopback only).

    `max_upload_bytes` is the largest body of POST /v1/datasets.
    """

    database: Database
    files: Files
    coordinator: Coordinator
    importer: Importer
    max_upload_bytes: int
    user_token: str | None
    join_token: str
    mlflow_url: str
    worker_logs: WorkerLogs
