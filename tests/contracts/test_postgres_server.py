"""The PostgreSQL of the tests leaves nothing behind."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from service.supervision.lifeline import wait_until_gone

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
STARTS = """
from tests.postgres_server import PostgresServer
server = PostgresServer()
with __import__("psycopg").connect(server.url()) as connection:
    [data] = connection.execute("SHOW data_directory").fetchone()
print(data, flush=True)
input()
"""


def test_it_ends_with_a_process_that_is_killed() -> None:
    command = [sys.executable, "-c", STARTS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        data = Path(killed.stdout.readline().strip())
        server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        killed.kill()
    assert wait_until_gone([server], seconds=SECONDS) == []
    deadline = time.monotonic() + SECONDS
    while data.parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
