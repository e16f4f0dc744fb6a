"""A Ray head that a test directs, over real HTTP: it loses answers, is late, is away, forgets and lies."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "the-token-of-ray"
ACTIVE = ("PENDING", "RUNNING")


@dataclass(frozen=True)
class Asked:
    """A request that came: all of it, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RayScript:
    """What the head does, to be changed while it runs.

    asks_token: it refuses whoever shows none. is_away: connections end without an answer. loses_answers: what is asked
    is done, and the connection ends. delay_seconds: before each answer. num_rooms: of the jobs so many run, the others
    are PENDING. forgotten: jobs that it does not list. lies: what it says of a job, whatever the truth.
    """

    asks_token: bool = True
    is_away: bool = False
    loses_answers: bool = False
    delay_seconds: float = 0.0
    num_rooms: int = 1000
    forgotten: set[str] = field(default_factory=set)
    lies: dict[str, str] = field(default_factory=dict)
    nodes: list[dict[str, float]] = field(default_factory=lambda: [{"CPU": 2.0, "memory": 1e9}])
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def living(self) -> set[str]:
        """The jobs that are under way, in truth."""
        return {name for name, job in self.jobs.items() if job["status"] in ACTIVE}

    def end(self, job: str, *, status: str = "FAILED", code: int | None = None) -> None:
        """A job ends."""
        self.jobs[job] |= {"status": status, "driver_exit_code": code, "end_time": int(time.time() * 1000)}

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """What is said to a request, its effect done."""
        if self.asks_token and asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return (401 if "Authorization" not in asked.headers else 403), "Unauthorized"
        path = asked.path.partition("?")[0]
        if path == "/api/version":
            return 200, {"version": "4"}
        if path == "/api/v0/nodes":
            rows = [{"resources_total": node, "state": "ALIVE"} for node in self.nodes]
            return 200, {"result": True, "data": {"result": {"result": rows}}}
        if path.startswith("/api/packages/gcs/"):
            return self._package(path.rpartition("/")[2], asked=asked)
        if path == "/api/jobs/":
            return self._submit(json.loads(asked.body)) if asked.method == "POST" else (200, self._list())
        return self._one(path.removeprefix("/api/jobs/"), method=asked.method)

    def _package(self, name: str, *, asked: Asked) -> tuple[int, Any]:
        if asked.method == "PUT":
            self.packages[name] = asked.body
        return (200, "") if name in self.packages else (404, f"Package {name} does not exist")

    def _submit(self, request: dict[str, Any]) -> tuple[int, Any]:
        name = request["submission_id"]
        if name in self.jobs:
            return 500, f"ValueError: Job with submission_id {name} already exists. Please use another."
        self.jobs[name] = {"status": "PENDING", "metadata": request["metadata"], "request": request}
        return 200, {"submission_id": name}

    def _list(self) -> list[dict[str, Any]]:
        for job in self.jobs.values():
            if job["status"] == "PENDING" and self._num_running() < self.num_rooms:
                job["status"] = "RUNNING"
        told = {name: job | {"status": self.lies.get(name, job["status"])} for name, job in self.jobs.items()}
        return [{"submission_id": name, **job} for name, job in told.items() if name not in self.forgotten]

    def _num_running(self) -> int:
        return sum(job["status"] == "RUNNING" for job in self.jobs.values())

    def _one(self, rest: str, *, method: str) -> tuple[int, Any]:
        name, _, verb = rest.partition("/")
        if name not in self.jobs:
            return 404, f"Job {name} does not exist"
        if method == "GET" and not verb:
            return 200, {"submission_id": name, **self.jobs[name]}
        if verb == "logs":
            return 200, {"logs": f"what {name} wrote\n"}
        if verb == "stop" and self.jobs[name]["status"] == "RUNNING":
            self.end(name, status="STOPPED")
        if method == "DELETE":
            del self.jobs[name]
        return 200, {"done": True}


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        script = self.server.script
        if script.is_away:
            return
        asked = Asked(self.command, self.path, dict(self.headers.items()), body)
        with self.server.lock:
            script.asked.append(asked)
            status, said = script.answer(asked)
        time.sleep(script.delay_seconds)
        if not script.loses_answers:
            self._say(status, content=(said if isinstance(said, str) else json.dumps(said)).encode())

    do_POST = do_PUT = do_DELETE = do_GET

    def _say(self, status: int, *, content: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:  # whoever asked did not wait
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        del format, args


class _Server(ThreadingHTTPServer):
    def __init__(self, script: RayScript) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.lock = script, threading.Lock()


@contextmanager
def scripted_ray(script: RayScript) -> Iterator[str]:
    """Such a head; its address."""
    server = _Server(script)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="scripted-ray")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
