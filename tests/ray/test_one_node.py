"""A real Ray of one node, and a service that stops or dies."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from service.database.database import Database
from service.errors import ConfigurationError
from service.executors.ray_checking import check_ray
from service.records import Trial
from service.settings import RaySettings, Settings
from service.stores import trials
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for
from tests.ray.ray_cluster import RayCluster, ray_cluster

LONG = {
    "problem": {"dataset": "digits"},
    "space": {"learning_rate": 0.01, "batch_size": 16},
    "sampler": {"kind": "random", "seed": 1},
    "pruner": {"kind": "none"},
    "budget": {"trials": 1, "epochs": 10_000},
    "first": [],
}
START_SECONDS = 60.0
ON_RAY = {"RAVINE_EXECUTOR": "ray", "RAVINE_RECORDER": "false"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A head that holds one worker."""
    with ray_cluster(num_cpus=1) as running:
        yield running


def begin_long_trial(ravine: RunningRavine) -> str:
    """A sweep whose one trial has begun, and will not end."""
    sweep = ravine.client.create_sweep(LONG)
    listed = partial(ravine.client.trials, sweep.id)
    wait_for(lambda: any(trial.num_epochs >= 3 for trial in listed()), seconds=START_SECONDS)
    return sweep.id


def stored_trial(home: Path, sweep_id: str) -> Trial | None:
    """Trial 0 as it lies in the tables of a service that has ended."""
    database = Database(f"sqlite:///{home / 'ravine.db'}")
    try:
        with database.read() as connection:
            return trials.get(connection, sweep_id, number=0)
    finally:
        database.close()


def test_a_worker_that_is_told_to_leave_writes_its_checkpoint_first(cluster: RayCluster, tmp_path: Path) -> None:
    with running_ravine(tmp_path, **ON_RAY, **cluster.settings) as ravine:
        sweep_id = begin_long_trial(ravine)
        ravine.stop()
    trial = stored_trial(tmp_path, sweep_id)
    assert trial is not None
    assert trial.checkpoint is not None
    assert trial.blamed_attempts == trial.outside_deaths == 0
    assert set(cluster.jobs().values()) == {"STOPPED"}


def test_a_service_that_is_killed_finds_its_workers_again(cluster: RayCluster, tmp_path: Path) -> None:
    before = set(cluster.jobs())
    with running_ravine(tmp_path, **ON_RAY, **cluster.settings) as ravine:
        sweep_id = begin_long_trial(ravine)
        num_epochs = ravine.client.trial(sweep_id, number=0).num_epochs
        ravine.kill("service.app")
        ravine.wait_ready()
        going = partial(ravine.client.trial, sweep_id, number=0)
        wait_for(lambda: going().num_epochs > num_epochs + 20, seconds=START_SECONDS)
        assert going().attempts == 1
    assert len(set(cluster.jobs()) - before) == 1


@pytest.mark.parametrize(("token", "refusal"), [(None, "RAY_AUTH_TOKEN: there is no"), ("wrong", "refuses our token")])
def test_a_ray_that_does_not_know_us_is_refused(cluster: RayCluster, token: str | None, refusal: str) -> None:
    ray = RaySettings.model_validate({"ray_address": cluster.address, "ray_auth_token": token})
    with pytest.raises(ConfigurationError, match=refusal):
        check_ray(Settings(), ray=ray)


def test_a_ray_that_lets_in_anybody_is_refused() -> None:
    with ray_cluster(num_cpus=1, asks_token=False) as cluster:
        ray = RaySettings.model_validate({"ray_address": cluster.address, "ray_auth_token": "ours"})
        with pytest.raises(ConfigurationError, match="answers without a token: anybody who reaches it could run code"):
            check_ray(Settings(), ray=ray)
