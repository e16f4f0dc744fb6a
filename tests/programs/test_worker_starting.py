"""How a worker starts with something wrong, or before its service."""

from pathlib import Path

import pytest

from service.supervision.ports import free_port
from tests.service.programs import (
    START_SECONDS,
    WORKER,
    refusal,
    running,
)
from tests.service.scripted_api import Said, scripted_api
from tests.service.workers import environment


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"RAVINE_JOIN_TOKEN_FILE": "/nowhere"}, "RAVINE_JOIN_TOKEN_FILE: /nowhere cannot be read (No such file"),
        ({"RAVINE_URL": "api:8000"}, "RAVINE_URL: should be an address such as http://host:8000; see the table"),
        ({"RAVINE_WORKER_ID": "../x"}, "RAVINE_WORKER_ID: "),
        ({"RAVINE_HOME": "/proc/self"}, "RAVINE_HOME: nothing can be made in /proc/self ("),
    ],
)
def test_a_worker_that_cannot_work_says_why(wrong: dict[str, str], words: str, tmp_path: Path) -> None:
    assert refusal(WORKER, environment("http://127.0.0.1:9", home=tmp_path) | wrong).startswith(words)


def test_a_worker_says_that_something_else_answers(tmp_path: Path) -> None:
    with scripted_api() as api:
        api.says("POST /v1/workers:hello", Said(body=b"<html>"))
        with running(WORKER, environment(api.url, home=tmp_path)) as worker:
            assert worker.wait(START_SECONDS) == 2
            assert worker.stdout is not None
            assert f"RAVINE_URL: what answers at {api.url} is no Ravine" in worker.stdout.read()


def test_a_worker_says_that_it_waits(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with running(WORKER, environment(url, home=tmp_path)) as worker:
        assert worker.stdout is not None
        assert any(f"no answer at RAVINE_URL {url}" in line for line in worker.stdout)
        worker.terminate()
        assert worker.wait(START_SECONDS) == 0
