"""The supervisor with made-up parts: real processes, kept alive by a supervisor in a process of its own."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.supervision.lifeline import wait_until_gone
from service.supervision.ports import free_port
from service.supervision.supervisor import LONGEST_PAUSE_SECONDS, pause_before_start

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 20.0

# Supervises the parts that its argument describes. All of them, and the supervisor itself, speak into one pipe.
SUPERVISOR = """
import json, os, sys
from pathlib import Path
from service.supervision.processes import Part
from service.supervision.supervisor import Supervisor

told = json.loads(sys.argv[1])
speak = int(told["pipe"])
lifeline = os.pipe()
environment = dict(os.environ) | {"PIPE": told["speaks_to"], "FD": str(lifeline[0])}
parts = [
    Part(
        name=one["name"],
        command=(sys.executable, "-c", one["code"], one["name"]),
        environment=environment,
        starts_after=Path(one["after"]) if "after" in one else None,
        probe_url=one.get("probe"),
        fatal=frozenset(one.get("fatal", ())),
        owns_descendants=one.get("owns", False),
    )
    for one in told["parts"]
]
say = lambda part: os.write(speak, f"{part.name} ready\\n".encode())
sys.exit(Supervisor(parts, lifeline=lifeline, log_folder=Path(told["folder"]), on_ready=say).run())
"""

# The beginning of each part: says its name and pid, and ends when the lifeline closes.
SPEAKS = """
import os, signal, subprocess, sys, time
from service.supervision.lifeline import when_closed
def say(what):
    with open(os.environ["PIPE"], "w") as pipe:
        pipe.write(f"{sys.argv[1]} {what}\\n")
when_closed(int(os.environ["FD"]), act=lambda: os._exit(0))
"""
LIVES = SPEAKS + "say(os.getpid()); time.sleep(600)"


@dataclass
class Supervised:
    """A supervisor at work, and what it and its parts say."""

    process: subprocess.Popen[bytes]
    pipe: int
    unread: bytes = b""

    def hears(self) -> list[str]:
        """The next line that anybody says, in words."""
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.pipe], [], [], PATIENCE_SECONDS)
            assert ready, "nobody says anything"
            self.unread += os.read(self.pipe, 4096)
        line, _, self.unread = self.unread.partition(b"\n")
        return line.decode().split()

    def hears_pids(self, *names: str) -> dict[str, int]:
        """The pids of these parts as they start, in any order."""
        said = dict(self.hears() for _ in names)
        assert said.keys() == set(names)
        return {name: int(pid) for name, pid in said.items()}


@contextmanager
def supervised(*parts: dict[str, Any], folder: Path) -> Iterator[Supervised]:
    speaks_to = folder / "says"
    os.mkfifo(speaks_to)
    pipe = os.open(speaks_to, os.O_RDWR)
    told = {"parts": parts, "folder": str(folder), "speaks_to": str(speaks_to), "pipe": pipe}
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, json.dumps(told)], cwd=ROOT, pass_fds=(pipe,), stderr=subprocess.DEVNULL
    )
    try:
        yield Supervised(process=process, pipe=pipe)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)
        os.close(pipe)


def are_gone(*pids: int, seconds: float = 0) -> bool:
    """Whether these processes have ended, or do within so many seconds."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return not wait_until_gone(processes, seconds=seconds)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_and_is_no_failure(tmp_path: Path, number: int) -> None:
    with supervised({"name": "a", "code": LIVES}, {"name": "b", "code": LIVES}, folder=tmp_path) as at_work:
        pids = at_work.hears_pids("a", "b")
        at_work.process.send_signal(number)
        assert at_work.process.wait(timeout=PATIENCE_SECONDS) == 0
        assert are_gone(*pids.values())


def test_parts_are_ended_in_their_order(tmp_path: Path) -> None:
    says_goodbye = SPEAKS + (
        "signal.signal(signal.SIGTERM, lambda *_: (say('ends'), sys.exit(0))); say(os.getpid()); time.sleep(600)"
    )
    parts = [{"name": name, "code": says_goodbye} for name in ("a", "b", "c")]
    with supervised(*parts, folder=tmp_path) as at_work:
        at_work.hears_pids("a", "b", "c")
        at_work.process.terminate()
        assert [at_work.hears()[0] for _ in parts] == ["a", "b", "c"]


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    with supervised({"name": "a", "code": LIVES}, {"name": "b", "code": LIVES}, folder=tmp_path) as at_work:
        first = at_work.hears_pids("a", "b")
        os.kill(first["a"], signal.SIGKILL)
        assert at_work.hears_pids("a") != {"a": first["a"]}
        assert psutil.pid_exists(first["b"])


@pytest.mark.parametrize("code", [2, 3])
def test_a_fatal_end_ends_all_with_its_code(tmp_path: Path, code: int) -> None:
    dies = {"name": "dies", "code": SPEAKS + f"say(os.getpid()); sys.exit({code})", "fatal": [2, 3]}
    with supervised({"name": "lives", "code": LIVES}, dies, folder=tmp_path) as at_work:
        pids = at_work.hears_pids("lives", "dies")
        assert at_work.process.wait(timeout=PATIENCE_SECONDS) == code
        assert are_gone(*pids.values())


def test_a_setting_that_was_right_once_is_not_wrong_later(tmp_path: Path) -> None:
    """Then something was away that the part needs at its start, and comes back."""
    (tmp_path / "starts").mkdir()
    code = SPEAKS + (
        f"starts = {str(tmp_path / 'starts')!r}; number = len(os.listdir(starts))\n"
        "os.mkdir(f'{starts}/{number}'); say(os.getpid())\n"
        "os._exit(1) if number == 0 else sys.exit(2) if number == 1 else time.sleep(600)"
    )
    with supervised({"name": "a", "code": code, "fatal": [2]}, folder=tmp_path) as at_work:
        pids = [at_work.hears_pids("a")["a"] for _ in range(3)]
        assert len(set(pids)) == 3
        assert at_work.process.poll() is None


def test_what_the_supervisor_started_ends_when_it_is_killed(tmp_path: Path) -> None:
    with supervised({"name": "a", "code": LIVES}, {"name": "b", "code": LIVES}, folder=tmp_path) as at_work:
        pids = at_work.hears_pids("a", "b")
        at_work.process.kill()
        assert are_gone(*pids.values(), seconds=5)


def test_grandchildren_that_outlive_their_part_are_ended_at_last(tmp_path: Path) -> None:
    leaves = SPEAKS + (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "say(child.pid); time.sleep(600)"
    )
    with supervised({"name": "a", "code": leaves}, folder=tmp_path) as at_work:
        grandchild = at_work.hears_pids("a")["a"]
        at_work.process.terminate()
        assert at_work.process.wait(timeout=PATIENCE_SECONDS) == 0
        assert are_gone(grandchild)


def test_what_a_dead_part_owned_is_gone_before_its_next_start(tmp_path: Path) -> None:
    leaves = SPEAKS + (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nsay(child.pid); os._exit(1)"
    )
    with supervised({"name": "a", "code": leaves, "owns": True}, folder=tmp_path) as at_work:
        first = at_work.hears_pids("a")["a"]
        at_work.hears_pids("a")
        assert are_gone(first)


def test_a_part_waits_for_its_file(tmp_path: Path) -> None:
    after = tmp_path / "ready"
    waits = {"name": "waits", "code": LIVES, "after": str(after)}
    with supervised(waits, {"name": "first", "code": LIVES}, folder=tmp_path) as at_work:
        at_work.hears_pids("first")
        after.touch()
        at_work.hears_pids("waits")


def test_a_part_is_ready_once_it_answers(tmp_path: Path) -> None:
    port = free_port()
    answers = SPEAKS + (
        "from http.server import BaseHTTPRequestHandler as H, HTTPServer\n"
        "H.do_GET = lambda self: (self.send_response(200), self.end_headers())\n"
        f"server = HTTPServer(('127.0.0.1', {port}), H); say(os.getpid()); server.serve_forever()"
    )
    part = {"name": "api", "code": answers, "probe": f"http://127.0.0.1:{port}/readyz"}
    with supervised(part, folder=tmp_path) as at_work:
        at_work.hears_pids("api")
        assert at_work.hears() == ["api", "ready"]


def test_what_a_part_says_is_in_its_log(tmp_path: Path) -> None:
    speaks = SPEAKS + "print('a word', flush=True); say(os.getpid()); time.sleep(600)"
    with supervised({"name": "a", "code": speaks}, folder=tmp_path) as at_work:
        at_work.hears_pids("a")
        assert (tmp_path / "a.log").read_text() == "a word\n"


def test_pauses_grow_and_end() -> None:
    pauses = [pause_before_start(num_failures) for num_failures in range(9)]
    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]
