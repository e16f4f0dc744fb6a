"""A real `ravine up` on a real Ray: rows of stacks on two workers, one of which is killed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.schemas import SweepAnswer, TrialAnswer
from sweeps.states import TrialState
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for
from tests.ray.ray_cluster import RayCluster, ray_cluster

NUM_TRIALS = 48
NUM_EPOCHS = 100
COME_SECONDS = 120.0
SWEEP_SECONDS = 300.0

SPEC: dict[str, Any] = {
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [64]}},
    "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}, "batch_size": 8},
    "sampler": {"kind": "random", "seed": 1},
    "pruner": {"kind": "none"},
    "budget": {"trials": NUM_TRIALS, "epochs": NUM_EPOCHS, "parallel": 12},
    "keep": {"weights": 0},
}
"""None of its trials diverges; two workers train it for half a minute."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A head that holds two workers."""
    with ray_cluster(num_cpus=2) as running:
        yield running


@pytest.fixture
def ravine(cluster: RayCluster, tmp_path: Path) -> Iterator[RunningRavine]:
    """A Ravine whose workers are on that Ray."""
    settings = {"RAVINE_EXECUTOR": "ray", "RAVINE_RECORDER": "false"}
    with running_ravine(tmp_path, **settings, **cluster.settings) as running:
        yield running


def rows(ravine: RunningRavine, sweep: SweepAnswer) -> dict[str, list[TrialAnswer]]:
    """The rows of stacks that are in training, and will be for some epochs more, by worker."""
    found: dict[str, list[TrialAnswer]] = {}
    for trial in ravine.client.trials(sweep.id, state=TrialState.RUNNING):
        if trial.engine == "fused" and 0 < trial.num_epochs < NUM_EPOCHS / 4:
            found.setdefault(str(trial.worker), []).append(trial)
    return found


def on_both_workers(ravine: RunningRavine, sweep: SweepAnswer) -> dict[str, list[TrialAnswer]]:
    """As `rows`, once each of two workers has several; else nothing."""
    found = rows(ravine, sweep)
    return found if len(found) == 2 and all(len(one) > 1 for one in found.values()) else {}


def kill_worker(cluster: RayCluster, *, worker: str) -> None:
    """Parent and child at once."""
    assert cluster.head is not None
    victims = [one for one in cluster.head.processes() if _worker_of(one) == worker]
    for victim in victims:
        with suppress(psutil.NoSuchProcess):  # Ray ends what is left of a job whose first process is gone
            victim.kill()
    psutil.wait_procs(victims, timeout=COME_SECONDS)


def _worker_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("RAVINE_WORKER_ID")
    except psutil.Error:
        return None


def test_the_rows_of_a_worker_that_is_killed_go_to_others(cluster: RayCluster, ravine: RunningRavine) -> None:
    sweep = ravine.client.create_sweep(SPEC)
    found = wait_for(lambda: on_both_workers(ravine, sweep), seconds=COME_SECONDS)
    victim, its = found.popitem()
    kill_worker(cluster, worker=victim)
    ended = ravine.client.wait(sweep.id, seconds=SWEEP_SECONDS)
    trials = list(ravine.client.trials(sweep.id))
    assert ended.trial_counts == {TrialState.COMPLETED: NUM_TRIALS}
    assert [trial.number for trial in trials] == list(range(NUM_TRIALS))
    epochs = list(range(1, NUM_EPOCHS + 1))
    for number in range(NUM_TRIALS):
        assert [one.epoch for one in ravine.client.epochs(sweep.id, number=number)] == epochs
    again = {trial.number for trial in trials if trial.attempts > 1}
    assert again >= {trial.number for trial in its}
    assert {trial.attempts for trial in trials} == {1, 2}
    assert not any(trial.worker == victim for trial in trials if trial.number in again)
    assert victim in {one.id for one in ravine.client.workers(state="GONE")}
    [engine] = ended.engines
    assert engine.engine == "fused"
    assert Counter(trial.engine for trial in trials)["fused"] > NUM_TRIALS / 2
