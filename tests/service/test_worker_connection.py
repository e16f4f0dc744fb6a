"""The worker's own connection to the service: it stays open, and begins anew where the service hung up."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from service.worker.connection import Connection, ConnectionLost

WAIT_SECONDS = 10.0


class Echo(ThreadingHTTPServer):
    """Answers with what it was told; after `num_answers` of a connection it hangs up without a word."""

    daemon_threads = True
    num_answers = 1000

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), EchoHandler)
        self.asked: list[tuple[str, str | None]] = []
        self.num_connections = 0
        self.hung_up = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.hung_up.set()


class EchoHandler(BaseHTTPRequestHandler):
    server: Echo
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment per answer

    def setup(self) -> None:
        super().setup()
        self.num_left = self.server.num_answers
        self.server.num_connections += 1

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.num_left -= 1
        self.close_connection = self.num_left <= 0
        if self.num_left < 0:
            return
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(418 if content == b"tea" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def connection_to(echo: Echo, *, path: str = "") -> closing[Connection]:
    return closing(Connection(f"http://127.0.0.1:{echo.server_port}{path}", token="secret"))


def said(connection: Connection, body: str) -> tuple[int, str, str]:
    reply = connection.post("/v1/here", body=body, read_seconds=WAIT_SECONDS)
    return reply.status, reply.content.decode(), reply.content_type


def test_many_requests_take_one_connection(echo: Echo) -> None:
    with connection_to(echo, path="/below/") as connection:
        assert said(connection, "one") == (200, "one", "text/plain")
        assert said(connection, "tea") == (418, "tea", "text/plain")
        assert said(connection, "zwölf") == (200, "zwölf", "text/plain")
    assert echo.asked == [("/below/v1/here", "Bearer secret")] * 3
    assert echo.num_connections == 1


def test_where_the_service_hung_up_meanwhile_the_next_request_connects_anew(echo: Echo) -> None:
    echo.num_answers = 1
    with connection_to(echo) as connection:
        for _ in range(3):
            echo.hung_up.clear()
            assert said(connection, "again")[0] == 200
            assert echo.hung_up.wait(WAIT_SECONDS)
    assert echo.num_connections == 3


def test_an_answer_that_never_comes_is_said_and_the_next_request_works(echo: Echo) -> None:
    echo.num_answers = 0
    with connection_to(echo) as connection:
        with pytest.raises(ConnectionLost):
            said(connection, "lost")
        echo.num_answers = 1
        assert said(connection, "heard")[0] == 200


def test_where_nobody_listens_that_is_said(echo: Echo) -> None:
    echo.shutdown()
    echo.server_close()
    with connection_to(echo) as connection, pytest.raises(ConnectionLost, match="refused"):
        said(connection, "anyone?")
