"""One connection that carries one HTTP request at a time: so little work that a thousand clients fit on one core."""

import asyncio
from urllib.parse import urlsplit


class HttpLine(asyncio.Protocol):
    """A keep-alive connection to the service; every request is a POST of JSON, every answer has a Content-Length."""

    def __init__(self, url: str, *, token: str) -> None:
        place = urlsplit(url)
        self._place = (str(place.hostname), int(place.port or 80))
        self._head = f"Host: {place.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._transport: asyncio.Transport | None = None
        self._read = b""
        self._answer: asyncio.Future[bytes] | None = None

    async def post(self, path: str, *, body: bytes) -> bytes:
        """The body of the answer. Raises ConnectionError when it is not a 200, or never came whole."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport, _ = await loop.create_connection(lambda: self, *self._place)
        self._answer = loop.create_future()
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        return await self._answer

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        self._read += data
        head, separator, body = self._read.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        self._read = b""
        status = head[:12].decode()
        self._settle(body if status.endswith("200") else ConnectionError(f"{status}: {body[:500]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._transport = None
        self._settle(ConnectionError(str(exc or "closed")))

    def _settle(self, answer: bytes | ConnectionError) -> None:
        waiting, self._answer = self._answer, None
        if waiting is None or waiting.done():
            return
        if isinstance(answer, bytes):
            waiting.set_result(answer)
        else:
            waiting.set_exception(answer)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise ConnectionError(f"an answer without a length: {head[:200]!r}")
