"""A little HTTP server that plays the service for one worker, as a test scripts it."""

import sys
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from service.protocol import Exchange, ExchangeAnswer, Hello, Refusal, Wait, WaitAnswer, Welcome
from trainer.config import Assignment
from trainer.report import Answer, Verdict
from trainer.task import Task

WAIT_SECONDS = 10.0
JOIN_TOKEN, SESSION_TOKEN = "join-secret", "session-secret"
Fault: TypeAlias = Literal["503", "drop", "401"]


class ScriptedService:
    """Hands out what the test queued, answers by `verdicts`, keeps all that it was told.

    faults: what happens to the next exchanges instead of an answer; `drop` handles one and loses the answer.
    delay_seconds: how long an exchange takes.
    """

    def __init__(self, folder: Path, *, shared: bool) -> None:
        folder.mkdir()
        if shared:
            (folder / "marker").touch()
        self.files_folder = folder
        self.delay_seconds = 0.0
        self.most_at_once = 0
        self.faults: deque[Fault] = deque()
        self.verdicts: dict[tuple[int, int], Answer] = {}
        self.refused: set[int] = set()
        self.leave = False
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.exchanges: list[Exchange] = []
        self.bodies: list[bytes] = []
        self.hellos: list[Hello] = []
        self.num_waiting = 0
        self._assignments: deque[Assignment] = deque()
        self._tasks: deque[Task] = deque()
        self._answers: dict[int, ExchangeAnswer] = {}
        self._version = self._num_at_once = 0
        self._closed = threading.Event()
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.service = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._closed.set()
        self._bump()
        self._server.shutdown()
        self._server.server_close()

    def hand_out(self, *assignments: Assignment) -> None:
        self._assignments.extend(assignments)
        self._bump()

    def ask(self, *tasks: Task) -> None:
        self._tasks.extend(tasks)
        self._bump()

    def until(self, holds: Callable[["ScriptedService"], object]) -> None:
        """Waits until the condition holds."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self), timeout=WAIT_SECONDS), self.exchanges[-3:]

    def told(self, name: str) -> list[Any]:
        """All reports, endings, ... so far."""
        return [one for exchange in self.exchanges for one in getattr(exchange, name)]

    def hello(self, hello: Hello) -> Welcome:
        self.hellos.append(hello)
        self._bump()
        return Welcome(
            token=SESSION_TOKEN, heartbeat_seconds=0.3, files_folder=str(self.files_folder), files_marker="marker"
        )

    def exchange(self, body: bytes) -> ExchangeAnswer | Fault:
        """Counts a repeated number once, and answers it as the first time."""
        with self._changed:
            self._num_at_once += 1
            self.most_at_once = max(self.most_at_once, self._num_at_once)
        self._closed.wait(self.delay_seconds)
        with self._changed:
            self._num_at_once -= 1
            self.bodies.append(body)
            fault = self.faults.popleft() if self.faults else None
            if fault in ("503", "401"):
                self._changed.notify_all()
                return fault
            request = Exchange.model_validate_json(body)
            if request.number not in self._answers:
                self.exchanges.append(request)
                self._answers[request.number] = self._answer(request)
            self._changed.notify_all()
            return fault or self._answers[request.number]

    def wait(self, wait: Wait) -> WaitAnswer:
        with self._changed:
            self.num_waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._version != wait.work_version, timeout=wait.seconds)
            self.num_waiting -= 1
            return WaitAnswer(work_version=self._version)

    def put_file(self, name: str, *, content: bytes) -> None:
        self.files[name] = content

    def _answer(self, request: Exchange) -> ExchangeAnswer:
        num = min(request.num_wanted, len(self._assignments))
        verdicts = [self._verdict(report.attempt, report.epoch, last=report.last) for report in request.reports]
        return ExchangeAnswer(
            number=request.number,
            assignments=tuple(self._assignments.popleft() for _ in range(num)),
            answers=tuple(verdict for verdict in verdicts if verdict is not None),
            refused=tuple(
                Refusal(attempt=held.attempt, detail="superseded")
                for held in request.in_hand
                if held.attempt in self.refused
            ),
            tasks=(self._tasks.popleft(),) if self._tasks else (),
            leave=self.leave,
            work_version=self._version,
        )

    def _verdict(self, attempt: int, epoch: int, *, last: bool) -> Answer | None:
        usual = Answer(attempt=attempt, epoch=epoch, verdict=Verdict.STOP) if last else None
        return self.verdicts.get((attempt, epoch), usual)

    def _bump(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    service: ScriptedService

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a worker that was killed hangs up
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment per answer: otherwise it waits for the client's delayed acknowledgement

    def do_POST(self) -> None:
        body = self._body()
        verb = self.path.rpartition(":")[2]
        token = JOIN_TOKEN if verb == "hello" else SESSION_TOKEN
        if self.headers["Authorization"] != f"Bearer {token}":
            self._answer(401)
        elif verb == "hello":
            self._answer_model(self.server.service.hello(Hello.model_validate_json(body)))
        elif verb == "wait":
            self._answer_model(self.server.service.wait(Wait.model_validate_json(body)))
        else:
            self._exchange(body)

    def do_HEAD(self) -> None:
        self._answer(200 if self._named_file() in self.server.service.files else 404)

    def do_GET(self) -> None:
        content = self.server.service.files.get(self._named_file())
        self._answer(404 if content is None else 200, content or b"")

    def do_PUT(self) -> None:
        self.server.service.put_file(self._named_file(), content=self._body())
        self._answer(204)

    def log_message(self, *_: object) -> None:
        pass

    def _exchange(self, body: bytes) -> None:
        answer = self.server.service.exchange(body)
        if isinstance(answer, ExchangeAnswer):
            self._answer_model(answer)
        elif answer == "drop":
            self.close_connection = True
            self.connection.close()
        else:
            self._answer(int(answer))

    def _named_file(self) -> str:
        self.server.service.requests.append(f"{self.command} {len(self.server.service.exchanges)}")
        return self.path.rpartition("/")[2]

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer_model(self, model: BaseModel) -> None:
        self._answer(200, model.model_dump_json().encode())

    def _answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
