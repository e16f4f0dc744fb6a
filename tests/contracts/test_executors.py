"""What every executor does."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from service.executors.contract import Executor
from service.executors.external import ExternalExecutor
from service.executors.ray_client import RayClient
from tests.contracts.executor_houses import ExecutorHouse, LocalHouse, RealRayHouse, ScriptedRayHouse, watch
from tests.ray.ray_cluster import RayCluster, ray_cluster
from tests.service.scripted_ray import TOKEN, RayScript, scripted_ray

BLOCKS_SECONDS = 0.5
NUM_CALLS = 20


@pytest.fixture(scope="module")
def real_ray() -> Iterator[RayCluster]:
    """A real Ray of 2 CPUs, for all tests here."""
    with ray_cluster(num_cpus=2) as cluster:
        yield cluster


@pytest.fixture
def clients() -> Iterator[Callable[[str, str], RayClient]]:
    """Makes connections, closed at the end."""
    every: list[RayClient] = []

    def connect(address: str, token: str) -> RayClient:
        every.append(RayClient(address, token=token, timeout=httpx.Timeout(5.0)))
        return every[-1]

    yield connect
    for client in every:
        client.close()


@pytest.fixture(params=["local", "scripted ray", "real ray"])
def house(
    request: pytest.FixtureRequest, tmp_path: Path, clients: Callable[[str, str], RayClient]
) -> Iterator[ExecutorHouse]:
    if request.param == "local":
        yield LocalHouse(tmp_path)
    elif request.param == "scripted ray":
        script = RayScript()
        with scripted_ray(script) as address:
            yield ScriptedRayHouse(script, client=lambda: clients(address, TOKEN))
    else:
        cluster = request.getfixturevalue("real_ray")
        yield RealRayHouse(lambda: clients(cluster.address, cluster.token))


@pytest.fixture
def stopped() -> Iterator[Callable[[Executor], Executor]]:
    """Registers executors that are stopped at the end, whatever comes."""
    every: list[Executor] = []

    def register(executor: Executor) -> Executor:
        every.append(executor)
        return executor

    yield register
    for executor in every:
        executor.stop()


def test_it_starts_what_is_wanted_replaces_what_is_gone_and_leaves_nothing_behind(
    house: ExecutorHouse, stopped: Callable[[Executor], Executor]
) -> None:
    executor = stopped(house.executor(num_workers=2))
    gone = watch(executor, num_wanted=2, until=lambda: len(house.living()) == 2)
    assert gone == []
    assert executor.outlook().num_workers == 2
    first = house.living()
    killed = min(first)
    house.kill(killed)
    gone = watch(executor, num_wanted=2, until=lambda: len(house.living() - {killed}) == 2)
    assert [(one.worker, one.how) for one in gone] == [(killed, "the worker was killed by SIGKILL")]
    assert first - {killed} < house.living()
    assert executor.gone() == []
    executor.stop()
    assert house.living() == set()


def test_it_adopts_whom_it_believes_in_and_tells_once_who_of_them_is_gone(
    house: ExecutorHouse, stopped: Callable[[Executor], Executor]
) -> None:
    left = house.leave_behind()
    lost = house.leave_behind()
    house.heard.add(left)
    house.kill(lost)
    executor = stopped(house.executor(num_workers=2, believed=[left, lost]))
    gone = watch(executor, num_wanted=2, until=lambda: len(house.living() - {lost}) == 2)
    assert [one.worker for one in gone] == [lost]
    assert left in house.living()
    assert executor.gone() == []
    executor.stop()
    assert house.living() == set()


@pytest.mark.parametrize("house", ["local", "scripted ray"], indirect=True)
def test_it_can_be_stopped_before_it_began(house: ExecutorHouse) -> None:
    executor = house.executor(num_workers=2)
    executor.stop()
    assert executor.gone() == []
    assert house.living() == set()


def test_nobody_waits_for_it(house: ExecutorHouse, stopped: Callable[[Executor], Executor]) -> None:
    executor = stopped(house.executor(num_workers=1))
    begun = time.monotonic()
    for _ in range(NUM_CALLS):
        executor.ensure(num_wanted=1)
        executor.gone()
        executor.outlook()
    assert time.monotonic() - begun < BLOCKS_SECONDS


def test_those_who_come_by_themselves_are_left_alone() -> None:
    executor = ExternalExecutor()
    executor.ensure(num_wanted=2)
    assert (executor.gone(), executor.outlook().num_workers) == ([], 0)
    executor.stop()
