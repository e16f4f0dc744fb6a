"""The executor that the settings ask for, and the workers of an earlier service that it begins with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.coordination.coordinator import Coordinator
from service.executors.choosing import executor_of
from service.executors.contract import Gone
from service.executors.external import ExternalExecutor
from service.executors.ray_plan import owner_of, ray_plan
from service.protocol import Hello
from service.settings import ExecutorName, Settings
from tests.contracts.executor_houses import watch
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_ray import TOKEN, RayScript, scripted_ray


def say_hello(coordinator: Coordinator, worker: str, *, executor: ExecutorName) -> None:
    hello = Hello(worker=worker, executor=executor, host="h", pid=1, slots=1, device="cpu", version="1")
    coordinator.hello(hello)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[CoordinatorHouse]:
    house = CoordinatorHouse(tmp_path, database_url=database_url)
    yield house
    house.database.close()


def test_a_coordinator_tells_how_long_a_worker_was_silent(house: CoordinatorHouse) -> None:
    assert house.coordinator.hearing.silent_seconds("ray-a") is None
    say_hello(house.coordinator, "ray-a", executor="ray")
    silent = house.coordinator.hearing.silent_seconds("ray-a")
    assert silent is not None
    assert 0 <= silent < 60
    assert house.restart().hearing.silent_seconds("ray-a") is None


def test_on_ray_the_workers_in_the_tables_are_believed_in(
    house: CoordinatorHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, executor="ray", ray_code="image", workers=2, join_token=SecretStr("join-secret"))
    plan, script = ray_plan(settings, owner=owner_of("join-secret")), RayScript()
    for worker, status in (("ray-lives", "RUNNING"), ("ray-ended", "SUCCEEDED")):
        say_hello(house.coordinator, worker, executor="ray")
        script.jobs[worker] = {"status": status, "metadata": plan.job(worker)["metadata"]}
    say_hello(house.coordinator, "came", executor="external")
    with scripted_ray(script) as address:
        monkeypatch.setenv("RAY_ADDRESS", address)
        monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
        executor = executor_of(settings, coordinator=house.restart())
        gone = watch(executor, num_wanted=2, until=lambda: len(script.living()) == 2)
        executor.stop()
    assert gone == [Gone("ray-ended", how="the worker left")]
    assert script.jobs["ray-lives"]["status"] == "STOPPED"


def test_workers_that_come_by_themselves_need_no_executor(house: CoordinatorHouse, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, executor="external")
    assert isinstance(executor_of(settings, coordinator=house.coordinator), ExternalExecutor)
