"""The API in the test's own process, and a worker behind it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from service.app import create_app
from service.datasets.importing import Importer
from service.executors.worker_logs import WorkerLogs
from service.parts import Parts
from tests.service.coordinator_house import CoordinatorHouse
from trainer.importing.request import ImportLimits

JOIN_TOKEN = "join-secret"
FAKE_IMPORT = (sys.executable, "-m", "tests.service.scripted_import")
MAX_UPLOAD_BYTES = 2_000_000
SMALL = {
    "problem": {"dataset": "digits"},
    "sampler": {"kind": "random", "seed": 1},
    "pruner": {"kind": "none"},
    "budget": {"trials": 3, "epochs": 2, "parallel": 8},
}


@dataclass
class ApiHouse:
    """Requests go straight into the app, under `host`, as one client after the other."""

    house: CoordinatorHouse
    user_token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    import_command: tuple[str, ...] = FAKE_IMPORT
    import_seconds: float = 60.0
    worker_logs: WorkerLogs | None = None

    def __post_init__(self) -> None:
        parts = Parts(
            database=self.house.database,
            files=self.house.files,
            coordinator=self.house.coordinator,
            importer=Importer(self.import_command, limits=ImportLimits(), seconds=self.import_seconds),
            max_upload_bytes=MAX_UPLOAD_BYTES,
            user_token=self.user_token,
            join_token=JOIN_TOKEN,
            mlflow_url="http://127.0.0.1:5000",
            worker_logs=self.worker_logs or WorkerLogs(self.house.files.folder.parent / "logs"),
        )
        self.app = create_app(parts, allowed_hosts=self.allowed_hosts)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request."""

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                return await client.request(method, path, **options)

        return asyncio.run(request())

    def get(self, path: str, **options: Any) -> Any:
        """The body of a GET that must succeed."""
        answer = self.ask("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **spec: Any) -> str:
        """The id of a new small sweep."""
        answer = self.ask("POST", "/v1/sweeps", json={**SMALL, **spec})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error: it is problem+json in all its parts."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert (body["status"], body["instance"]) == (status, answer.request.url.path)
    assert "Traceback" not in answer.text
    assert all(set(error) == {"field", "message", "mend"} for error in body["errors"])
    return body


async def in_pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body whose length nobody says beforehand."""
    for piece in pieces:
        yield piece
