"""Fixtures of the service's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.api_house import ApiHouse
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_service import ScriptedService
from tests.service.scripted_worker import ScriptedWorker
from tests.service.workers import environment


@pytest.fixture
def coordinator_house(tmp_path: Path, database_url: str) -> Iterator[CoordinatorHouse]:
    """A coordinator on an empty database."""
    house = CoordinatorHouse(tmp_path, database_url=database_url)
    yield house
    house.database.close()


@pytest.fixture
def coordinator_worker(coordinator_house: CoordinatorHouse) -> ScriptedWorker:
    """A worker of one slot, known to the coordinator."""
    return ScriptedWorker(coordinator_house.coordinator)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ScriptedService]:
    """A service that plays its part for one worker process."""
    scripted = ScriptedService(tmp_path / "files", shared=True)
    yield scripted
    scripted.close()


@pytest.fixture
def worker_variables(service: ScriptedService, tmp_path: Path) -> dict[str, str]:
    """The environment of a worker that calls the scripted service."""
    return environment(service.url, home=tmp_path)


@pytest.fixture
def api_house(coordinator_house: CoordinatorHouse) -> ApiHouse:
    """The API on the coordinator, open as on loopback."""
    return ApiHouse(coordinator_house)
