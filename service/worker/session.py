"""One worker's requests to the service: what an answer means, and patience with a service that is away."""

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from service.worker.connection import Connection, ConnectionLost, Reply

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 600.0
SERVICE_AWAY, SESSION_LOST = 3, 4
"""Exit codes of a worker."""
PROBLEM_JSON = "application/problem+json"

logger = logging.getLogger(__name__)


class Unanswered(Exception):
    """Nobody answered this time: later."""


class LinkLost(Exception):
    """There is no service any more for this worker: why, in one line, and the exit code."""

    def __init__(self, reason: str, *, code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Refused(LinkLost):
    """The service answered, and said no: the status, and its reason where it is one of ours."""

    def __init__(self, reply: Reply, *, asked: str) -> None:
        problem = f"{asked}: {reply.status}"
        super().__init__(f"the service does not know this worker any more ({problem})", code=SESSION_LOST)
        self.status = reply.status
        self.detail = _detail(reply)


@dataclass(frozen=True)
class Address:
    """Where the service is and who calls. `patience_seconds`: how long the worker goes on without a service."""

    url: str
    worker: str
    join_token: str
    patience_seconds: float = PATIENCE_SECONDS

    @property
    def path(self) -> str:
        """Where this worker's routes begin."""
        return f"/v1/workers/{self.worker}"


class Session:
    """Requests with one token. Once `leaving` is set none is repeated."""

    def __init__(self, address: Address, *, token: str, leaving: threading.Event) -> None:
        self._address = address
        self._leaving = leaving
        self._connection = Connection(address.url, token=token)
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=address.url, headers=headers, timeout=30, trust_env=False)

    def post(self, path: str, *, body: str, read_seconds: float = 30.0) -> Reply:
        """One JSON request. Raises Unanswered, LinkLost."""
        return _once(lambda: self._connection.post(path, body=body, read_seconds=read_seconds), asked=f"POST {path}")

    def has(self, path: str) -> bool:
        """Whether there is something at the path. Raises Unanswered, LinkLost."""
        return _once(lambda: _reply(self._client.head(path)), asked=f"HEAD {path}", may_be_missing=True).status < 300

    def put(self, path: str, *, pieces: Iterator[bytes], num_bytes: int) -> Reply:
        """Sends bytes in pieces. Raises Unanswered, LinkLost."""
        headers = {"Content-Length": str(num_bytes), "Content-Type": "application/octet-stream"}
        return _once(lambda: _reply(self._client.put(path, content=pieces, headers=headers)), asked=f"PUT {path}")

    def get(self, path: str, *, into: Path) -> Reply:
        """Writes what lies at the path into a file; no file where there is nothing. Raises Unanswered, LinkLost."""

        def request() -> Reply:
            with self._client.stream("GET", path) as response:
                if response.is_success:
                    with into.open("wb") as file:
                        file.writelines(response.iter_bytes())
            return Reply(response.status_code)

        return _once(request, asked=f"GET {path}", may_be_missing=True)

    def insist(self, request: Callable[[], Reply]) -> Reply:
        """Repeats a request unchanged until it is answered. Raises LinkLost when that is hopeless."""
        pause_seconds, begun_at = FIRST_PAUSE_SECONDS, time.monotonic()
        while True:
            try:
                return request()
            except Unanswered as problem:
                if pause_seconds == FIRST_PAUSE_SECONDS:
                    told = "no answer at RAVINE_URL %s (%s); waits for it, %g s at most"
                    logger.warning(told, self._address.url, problem, self._address.patience_seconds)
                if self._leaving.is_set() or time.monotonic() - begun_at > self._address.patience_seconds:
                    raise LinkLost(f"no service at {self._address.url} ({problem})", code=SERVICE_AWAY) from problem
            self._leaving.wait(random.uniform(0.5, 1.0) * pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _once(request: Callable[[], Reply], *, asked: str, may_be_missing: bool = False) -> Reply:
    """No answer, a 5xx and a 429 mean later; an error but 404 for a file that this worker is not known any more."""
    try:
        reply = request()
    except (httpx.TransportError, ConnectionLost) as error:
        raise Unanswered(str(error) or type(error).__name__) from error
    if reply.status >= 500 or reply.status == 429:
        raise Unanswered(f"{asked}: {reply.status}")
    if reply.status >= 400 and not (reply.status == 404 and may_be_missing):
        raise Refused(reply, asked=asked)
    return reply


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code)


def _detail(reply: Reply) -> str | None:
    """The reason in an answer of ours; None for anybody else's."""
    if not reply.content_type.startswith(PROBLEM_JSON):
        return None
    try:
        return " ".join(str(json.loads(reply.content)["detail"]).split())
    except (ValueError, KeyError, TypeError):
        return None
