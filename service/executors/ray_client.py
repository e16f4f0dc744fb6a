"""Ray's Jobs REST API, and what else of its dashboard answers over HTTP. Nothing here imports ray."""

from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.errors import Unavailable

TIMEOUT = httpx.Timeout(5.0, connect=2.0)
UPLOAD_SECONDS = 60.0
MOST_ANSWER_BYTES = 64 * 2**20
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSALS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)

Kind = TypeVar("Kind")


class RayTrouble(Unavailable):
    """Ray cannot be used now: it is away, answers nonsense, refuses our token, or would let in anybody."""


class RayJob(BaseModel):
    """What Ray says of a job, ours or another's.

    status: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED. end_time: in milliseconds since 1970. driver_exit_code: of
    a job that exited.
    """

    submission_id: str | None
    status: str
    message: str | None = None
    metadata: dict[str, Any] | None = None
    end_time: int | None = None
    driver_exit_code: int | None = None


class _Resources(BaseModel):
    resources_total: dict[str, float]
    state: str


class _Logs(BaseModel):
    logs: str


class RayClient:
    """A connection to the Ray head at `address`. `transport` stands in for the network in tests."""

    def __init__(
        self,
        address: str,
        *,
        token: str,
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = address.rstrip("/")
        trust = httpx.URL(self.address).host not in LOOPBACK  # no proxy stands between us and this machine
        # Two of them: who looks whether anybody is let in must not carry what an earlier answer left, such as cookies.
        self._stranger = httpx.Client(timeout=timeout, transport=transport, trust_env=trust)
        self._http = httpx.Client(
            timeout=timeout, transport=transport, trust_env=trust, headers={"Authorization": f"Bearer {token}"}
        )

    def close(self) -> None:
        """Closes the connections."""
        self._stranger.close()
        self._http.close()

    def look(self) -> None:
        """Raises RayTrouble unless Ray refuses whoever shows no token, and takes ours. Ours is shown only then."""
        response = self._send(self._stranger, "GET", "/api/jobs/")
        if response.is_success:
            raise RayTrouble(
                f"Ray at {self.address} answers without a token: anybody who reaches it could run code there; start "
                "Ray with RAY_AUTH_MODE=token and a RAY_AUTH_TOKEN of its own."
            )
        if response.status_code not in REFUSALS:
            raise RayTrouble(f"What answers at {self.address} asks for no token as Ray does; mend RAY_ADDRESS.")
        self._ask("GET", "/api/version")

    def jobs(self) -> list[RayJob]:
        """All jobs that were submitted, ended ones too. Raises RayTrouble."""
        jobs = self._read(self._ask("GET", "/api/jobs/"), kind=list[RayJob])
        return [job for job in jobs if job.submission_id is not None]

    def job(self, job_id: str) -> RayJob | None:
        """One job; None when Ray does not know it (any more). Raises RayTrouble."""
        response = self._ask("GET", f"/api/jobs/{job_id}", missing_is_fine=True)
        return self._read(response, kind=RayJob) if response.is_success else None

    def submit(self, request: dict[str, Any]) -> None:
        """Submits a job; one that is there already under its id is success. Raises RayTrouble."""
        response = self._send(self._http, "POST", "/api/jobs/", json=request)
        if not response.is_success and "already exists" not in response.text:
            raise self._refused(response)

    def stop(self, job_id: str) -> None:
        """Asks a job to end; one that Ray does not know has ended. Raises RayTrouble."""
        self._ask("POST", f"/api/jobs/{job_id}/stop", missing_is_fine=True)

    def delete(self, job_id: str) -> None:
        """Makes Ray forget a job that has ended. Raises RayTrouble."""
        self._ask("DELETE", f"/api/jobs/{job_id}", missing_is_fine=True)

    def logs(self, job_id: str) -> str | None:
        """What a job has written so far; None when Ray does not know it, or its node is gone. Raises RayTrouble."""
        self.look()
        response = self._send(self._http, "GET", f"/api/jobs/{job_id}/logs")
        if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.INTERNAL_SERVER_ERROR):  # 500: nobody is there
            return None
        if not response.is_success:
            raise self._refused(response)
        return self._read(response, kind=_Logs).logs

    def nodes(self) -> list[dict[str, float]]:
        """What each living node has in all: CPU, GPU, ... Raises RayTrouble."""
        try:
            rows = self._ask("GET", "/api/v0/nodes", params={"limit": 10_000}).json()["data"]["result"]["result"]
            nodes = TypeAdapter(list[_Resources]).validate_python(rows)
        except (ValueError, KeyError, TypeError) as error:
            raise self._nonsense() from error
        return [node.resources_total for node in nodes if node.state == "ALIVE"]

    def has_package(self, name: str) -> bool:
        """Whether a package lies there; it stays for some minutes from now on. Raises RayTrouble."""
        return self._ask("GET", f"/api/packages/gcs/{name}", missing_is_fine=True).is_success

    def put_package(self, name: str, *, content: bytes) -> None:
        """Lays a package there. Raises RayTrouble."""
        self._ask("PUT", f"/api/packages/gcs/{name}", content=content, timeout=UPLOAD_SECONDS)

    def _ask(self, method: str, path: str, *, missing_is_fine: bool = False, **request: Any) -> httpx.Response:
        response = self._send(self._http, method, path, **request)
        if response.is_success or (missing_is_fine and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise self._refused(response)

    def _send(self, http: httpx.Client, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            with http.stream(method, f"{self.address}{path}", **request) as response:
                if int(response.headers.get("Content-Length", 0)) > MOST_ANSWER_BYTES:  # a log may be of any length
                    what = f"more than {MOST_ANSWER_BYTES // 2**20} MiB"
                    raise RayTrouble(f"Ray at {self.address} would answer {what} at {path}; look at it there.")
                response.read()
                return response
        except httpx.RequestError as error:
            what = str(error) or type(error).__name__
            raise RayTrouble(f"Ray at {self.address} cannot be reached ({what}); start it, or mend RAY_ADDRESS.") from (
                error
            )

    def _read(self, response: httpx.Response, *, kind: type[Kind]) -> Kind:
        try:
            return TypeAdapter(kind).validate_json(response.content)
        except ValidationError as error:
            raise self._nonsense() from error

    def _nonsense(self) -> RayTrouble:
        return RayTrouble(f"What answers at {self.address} does not speak as Ray's Jobs API does; mend RAY_ADDRESS.")

    def _refused(self, response: httpx.Response) -> RayTrouble:
        if response.status_code in REFUSALS:
            return RayTrouble(f"Ray at {self.address} refuses our token; set RAY_AUTH_TOKEN to the one of the cluster.")
        said = next(iter(response.text.strip().splitlines()[-1:]), "nothing")[:200]
        return RayTrouble(f"Ray at {self.address} answered {response.status_code}: {said}")
