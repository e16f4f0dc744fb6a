"""Files of a worker that does not see the service's folder."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.scripted_service import ScriptedService
from tests.service.workers import (
    EXIT_SECONDS,
    assignment,
    environment,
    reported,
    running_worker,
)
from trainer.config import CheckpointRef
from trainer.report import Answer, Verdict


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[ScriptedService]:
    """A service whose folder the worker does not see."""
    scripted = ScriptedService(tmp_path / "elsewhere", shared=False)
    yield scripted
    scripted.close()


def test_files_go_through_the_api_before_they_are_named(apart: ScriptedService, tmp_path: Path) -> None:
    apart.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.PAUSE)
    apart.verdicts[2, 3] = Answer(attempt=2, epoch=3, verdict=Verdict.STOP, keep=True)
    apart.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(environment(apart.url, home=tmp_path)):
        apart.until(lambda it: it.told("endings") and it.told("weights"))
        named = [apart.told("endings")[0].checkpoint.sha256, apart.told("weights")[0].weights.sha256]
        assert [path for path in (tmp_path / "worker-files").glob("*/*") if path.is_file()] == []  # nothing kept twice
    assert [apart.files[sha256] for sha256 in named] == [b"state of 1", b"state of 2"]
    put_at = int(apart.requests[1].removeprefix("PUT "))
    assert [request.split()[0] for request in apart.requests] == ["HEAD", "PUT", "HEAD", "PUT"]
    assert not any(exchange.endings for exchange in apart.exchanges[:put_at])
    assert list(apart.files_folder.iterdir()) == []


def test_a_checkpoint_is_fetched_before_the_child_gets_the_attempt(apart: ScriptedService, tmp_path: Path) -> None:
    content = b"weights" * 1000
    ref = CheckpointRef(sha256=hashlib.sha256(content).hexdigest(), epoch=1, num_bytes=len(content))
    apart.files[ref.sha256] = content
    apart.hand_out(assignment(1, "quick", checkpoint=ref))
    with running_worker(environment(apart.url, home=tmp_path)) as worker:
        apart.until(reported(1, num_epochs=3))
        worker.terminate()
        assert worker.wait(EXIT_SECONDS) == 0
    assert apart.told("deaths") == []
    assert list((tmp_path / "worker-files").iterdir()) == []
