"""The logs of local workers."""

import os
import sys
from pathlib import Path

import psutil

from service.executors.local import LocalExecutor, LocalPlan
from service.settings import inherited
from tests.contracts.executors import SHORT_LIVED, Clock, plan

TALKER = (sys.executable, "-c", "import os; print('hello from', os.environ['RAVINE_WORKER_ID'])")


def worker_ended(executor: LocalExecutor) -> str:
    """The worker that was started, once it is gone."""
    others = psutil.Process().children()  # what other tests share: a database
    executor.ensure(num_wanted=1)
    (child,) = set(psutil.Process().children()).difference(others)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    (gone,) = executor.gone()
    return gone.worker


def test_each_worker_has_a_log_of_its_own(tmp_path: Path) -> None:
    worker = worker_ended(LocalExecutor(plan(tmp_path, num_workers=1, command=TALKER)))
    assert (tmp_path / "logs" / f"{worker}.log").read_text() == f"hello from {worker}\n"


def test_the_latest_five_of_a_place_are_kept(tmp_path: Path) -> None:
    clock, others = Clock(), tmp_path / "logs" / "api.log"
    executor = LocalExecutor(plan(tmp_path, num_workers=1, command=SHORT_LIVED), clock=clock)
    others.parent.mkdir()
    others.touch()
    started = []
    for _ in range(7):
        started.append(worker_ended(executor))
        clock.now += 60
    kept = {path.stem for path in others.parent.iterdir()}
    assert kept == {"api", *started[-5:]}


def test_without_a_folder_workers_write_where_the_executor_does(tmp_path: Path) -> None:
    here = LocalPlan(num_workers=1, command=SHORT_LIVED, environment=inherited(), log_folder=None)
    worker_ended(LocalExecutor(here))
    assert list(tmp_path.iterdir()) == []
