"""The engines under contract."""

from pathlib import Path

import pytest

from tests.contracts.engines import RunEngine
from trainer.checkpoint import CheckpointStore
from trainer.engine import train


@pytest.fixture
def checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.fixture(params=["serial"])
def run_engine(request: pytest.FixtureRequest, checkpoints: CheckpointStore) -> RunEngine:
    """Trains all that a source hands out, by each engine in turn."""
    assert request.param == "serial"
    return lambda source: train(source, slots=1, device="cpu", checkpoints=checkpoints)
