"""Fixtures of the service's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker


@pytest.fixture
def coordinator_house(tmp_path: Path) -> Iterator[CoordinatorHouse]:
    """A coordinator on an empty database."""
    house = CoordinatorHouse(tmp_path)
    yield house
    house.database.close()


@pytest.fixture
def coordinator_worker(coordinator_house: CoordinatorHouse) -> ScriptedWorker:
    """A worker of one slot, known to the coordinator."""
    return ScriptedWorker(coordinator_house.coordinator)
