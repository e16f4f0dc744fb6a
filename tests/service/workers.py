"""Starting workers for the tests, with the scripted child or a real one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.settings import inherited
from tests.service.scripted_service import JOIN_TOKEN, ScriptedService
from trainer.config import Assignment, CheckpointRef, Limits, MetricConfig, ProblemConfig
from trainer.report import EpochReport
from trainer.settings import Settings

SCRIPTED_CHILD = (sys.executable, "-m", "tests.service.scripted_child")
EXIT_SECONDS = 10.0


def assignment(
    attempt: int,
    sweep: str,
    *,
    epochs: int = 3,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    checkpoint: CheckpointRef | None = None,
) -> Assignment:
    """An attempt that the scripted child treats as the name of the sweep says."""
    return Assignment(
        attempt=attempt,
        sweep=sweep,
        trial=attempt,
        problem=ProblemConfig(dataset="digits"),
        settings=Settings(),
        epochs=epochs,
        seed=7,
        metric=MetricConfig(),
        rungs=(1,),
        checkpoint=checkpoint,
        limits=limits,
    )


def environment(url: str, *, home: Path, join_token: str = JOIN_TOKEN, slots: int = 1) -> dict[str, str]:
    """The environment of a worker that calls `url`."""
    token_file = home / "join-token"
    token_file.write_text(join_token)
    return {
        **inherited(),
        "RAVINE_URL": url,
        "RAVINE_HOME": str(home),
        "RAVINE_JOIN_TOKEN_FILE": str(token_file),
        "RAVINE_SLOTS": str(slots),
    }


@contextmanager
def running_worker(variables: dict[str, str], *, lifeline: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with the scripted child; it is gone at the end."""
    passed = {} if lifeline is None else {"RAVINE_LIFELINE_FD": str(lifeline)}
    process = subprocess.Popen(
        [sys.executable, "-m", "service.worker", "--child", *SCRIPTED_CHILD],
        env={**variables, **passed},
        pass_fds=() if lifeline is None else (lifeline,),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def epochs_told(service: ScriptedService, attempt: int) -> list[int]:
    return [report.epoch for report in service.told("reports") if report.attempt == attempt]


def reported(attempt: int, *, num_epochs: int = 1) -> Callable[[ScriptedService], bool]:
    return lambda service: len(epochs_told(service, attempt)) >= num_epochs


def child_pid(report: EpochReport) -> int:
    pid = report.metrics["pid"]
    assert pid is not None
    return int(pid)
