"""One connection to the service that stays open, for JSON and nothing else.

A worker with many rows speaks dozens of times a second; httpx takes thrice the processor for the same request.
"""

import select
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import httpx

CONNECT_SECONDS = 5.0


class ConnectionLost(Exception):
    """No answer came."""


@dataclass(frozen=True)
class Reply:
    """What the service answered."""

    status: int
    content: bytes = b""
    content_type: str = ""


class Connection:
    """Requests one after the other, for one thread. It connects when it must."""

    def __init__(self, url: str, *, token: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self._http = _connection(parts.scheme, host=parts.hostname or "", port=parts.port)

    def post(self, path: str, *, body: str, read_seconds: float) -> Reply:
        """One request. Raises ConnectionLost."""
        try:
            if _is_stale(self._http):
                self.close()
            if self._http.sock is None:
                self._http.timeout = CONNECT_SECONDS
                self._http.connect()
            self._http.sock.settimeout(read_seconds)
            self._http.request("POST", self._prefix + path, body=body.encode(), headers=self._headers)
            response = self._http.getresponse()
            return Reply(response.status, response.read(), response.headers.get("Content-Type", ""))
        except (OSError, HTTPException) as error:
            self.close()
            raise ConnectionLost(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Hangs up; the next request connects anew."""
        self._http.close()


def _connection(scheme: str, *, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        context: ssl.SSLContext = httpx.create_ssl_context(trust_env=False)  # whom the other requests trust
        return HTTPSConnection(host, port, context=context)
    return HTTPConnection(host, port)


def _is_stale(http: HTTPConnection) -> bool:
    """Whether the service hung up since the last answer: there is something to read where nothing was asked."""
    return http.sock is not None and bool(select.select([http.sock], [], [], 0)[0])
