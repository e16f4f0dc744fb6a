"""What every request must pass before any route: a known host and origin, and a body that is not too large."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.routes.problem_json import render
from service.routes.workers import MAX_FILE_BYTES

MAX_BODY_BYTES = 1_000_000
MAX_EXCHANGE_BYTES = 64_000_000
FORM = (b"content-type", b"application/x-www-form-urlencoded")
UPLOADS = "/v1/datasets"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """Refuses foreign hosts and origins (403) and bodies over the limit (413), counted while they stream in."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: tuple[str, ...], max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes
        self._allowed = frozenset(_in_headers(host.lower()) for host in (*LOOPBACK, *allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        if (refusal := self._refusal(headers)) is not None:
            await render(403, detail=refusal, instance=path)(scope, receive, send)
            return
        if "\0" in path:  # no name holds one, and PostgreSQL refuses to look for it
            await render(404, detail="There is nothing at a path with a NUL in it.", instance=path)(
                scope, receive, send
            )
            return
        _take_for_json(scope)
        limit = self._limit(path)
        body = _Counted(receive, limit=limit, detail=_too_large(limit, path=path))
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await render(413, detail=_too_large(limit, path=path), instance=path)(scope, receive, send)
            return
        await self._app(scope, body.receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        host = _without_port(headers.get("host", ""))
        if host not in self._allowed:
            return f"The host {host[:100]!r} is not known here: RAVINE_ALLOWED_HOSTS can add it."
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) not in self._allowed:
            return f"The origin {origin[:100]!r} is not known here: RAVINE_ALLOWED_HOSTS can add its host."
        return None

    def _limit(self, path: str) -> int:
        if path == UPLOADS:
            return self._max_upload_bytes
        if not path.startswith("/v1/workers/"):
            return MAX_BODY_BYTES
        if "/files/" in path:
            return MAX_FILE_BYTES
        return MAX_EXCHANGE_BYTES if path.endswith(":exchange") else MAX_BODY_BYTES


class _Counted:
    def __init__(self, receive: Receive, *, limit: int, detail: str) -> None:
        self._limit = limit
        self._detail = detail
        self._receive = receive
        self._num_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._num_bytes += len(message.get("body", b""))
        if self._num_bytes > self._limit:
            # The one exception that FastAPI lets through while it reads a body; problem_json renders it.
            raise HTTPException(413, detail=self._detail)
        return message


def _take_for_json(scope: Scope) -> None:
    """A body is JSON here whatever it is called: `curl -d` calls everything a form. (Origins are checked before.)"""
    scope["headers"] = [
        (name, b"application/json" if (name, value) == FORM else value) for name, value in scope["headers"]
    ]


def _too_large(limit: int, *, path: str) -> str:
    more = ", or raise the service's RAVINE_MAX_UPLOAD_MB" if path == UPLOADS else ""
    return f"The body is larger than {limit} bytes; send less{more}."


def _in_headers(host: str) -> str:
    """A host as it is written before a port."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _host_of(origin: str) -> str | None:
    try:
        return _without_port(urlsplit(origin).netloc)
    except ValueError:
        return None


def _without_port(netloc: str) -> str:
    name, separator, port = netloc.lower().rpartition(":")
    return name if separator and (port.isdigit() or not port) else netloc.lower()
