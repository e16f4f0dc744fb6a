"""What every executor does."""

from pathlib import Path

import pytest

from service.executors.contract import Executor
from service.executors.external import ExternalExecutor
from service.executors.local import LocalExecutor
from tests.contracts.executors import plan, running


@pytest.fixture(params=["local", "external"])
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Executor:
    return LocalExecutor(plan(tmp_path)) if request.param == "local" else ExternalExecutor()


def test_every_executor_leaves_nothing_behind(executor: Executor) -> None:
    executor.ensure(num_wanted=1)
    assert executor.gone() == []
    executor.ensure(num_wanted=1)
    executor.stop()
    assert running() == {}


def test_every_executor_can_be_stopped_before_it_began(executor: Executor) -> None:
    executor.stop()
    assert executor.gone() == []
