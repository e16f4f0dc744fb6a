"""A real `ravine up` on a real Ray of two nodes, which die."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.client_errors import Missing
from service.schemas import SweepAnswer
from sweeps.states import TrialState
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for
from tests.ray.ray_cluster import RayCluster, RayNode, ray_cluster

NUM_EPOCHS = 40
SWEEP_SECONDS = 300.0
COME_SECONDS = 60.0
LEAVE_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A head that holds one worker."""
    with ray_cluster(num_cpus=1) as running:
        yield running


@pytest.fixture(scope="module")
def ravine(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRavine]:
    """A Ravine whose workers are on that Ray, and leave soon when they have nothing to do."""
    home: Path = tmp_path_factory.mktemp("home")
    settings = {"RAVINE_EXECUTOR": "ray", "RAVINE_RECORDER": "false", "RAVINE_IDLE_SECONDS": "3"}
    with running_ravine(home, **settings, **cluster.settings) as running:
        yield running


@pytest.fixture
def second_node(cluster: RayCluster) -> Iterator[RayNode]:
    """One more node, for one more worker."""
    node = cluster.add_node(num_cpus=1)
    yield node
    node.kill()


def spec(num_trials: int) -> dict[str, Any]:
    """Trials that train for a second or more, one at a time on a worker: the first epochs of one are told after 0.25 s.

    None of them diverges.
    """
    return {
        "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [64]}},
        "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}, "batch_size": 4},
        "sampler": {"kind": "random", "seed": 1},
        "pruner": {"kind": "none"},
        "budget": {"trials": num_trials, "epochs": NUM_EPOCHS, "parallel": "auto"},
        "keep": {"weights": 0},
        "engine": "serial",
    }


def finished(ravine: RunningRavine, sweep: SweepAnswer, *, num_trials: int) -> bool:
    return ravine.client.sweep(sweep.id).budget.trials_finished >= num_trials


def check_results(ravine: RunningRavine, sweep: SweepAnswer, *, num_trials: int) -> dict[int, int]:
    """Every trial stands there once, with all its epochs; answers how many attempts each took."""
    ended = ravine.client.wait(sweep.id, seconds=SWEEP_SECONDS)
    trials = list(ravine.client.trials(sweep.id))
    assert ended.trial_counts == {TrialState.COMPLETED: num_trials}
    assert [trial.number for trial in trials] == list(range(num_trials))
    assert {trial.num_epochs for trial in trials} == {NUM_EPOCHS}
    epochs = list(range(1, NUM_EPOCHS + 1))
    assert all([one.epoch for one in ravine.client.epochs(sweep.id, number=n)] == epochs for n in range(num_trials))
    return {trial.number: trial.attempts for trial in trials}


def worker_on(node: RayNode) -> str | None:
    """The worker that runs there, if one does."""
    return next(filter(None, (_variables(one).get("RAVINE_WORKER_ID") for one in node.processes())), None)


def _variables(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def training(ravine: RunningRavine, sweep: SweepAnswer, *, worker: str) -> list[int]:
    """The trials that this worker has begun not long ago, as far as the service knows."""
    running = ravine.client.trials(sweep.id, state=TrialState.RUNNING)
    return [one.number for one in running if one.worker == worker and one.num_epochs < NUM_EPOCHS / 2]


def test_a_node_that_dies_costs_an_attempt_and_no_result(ravine: RunningRavine, second_node: RayNode) -> None:
    sweep = ravine.client.create_sweep(spec(100))
    victim: str = wait_for(lambda: worker_on(second_node), seconds=COME_SECONDS)
    wait_for(lambda: finished(ravine, sweep, num_trials=30), seconds=SWEEP_SECONDS)
    (number,) = wait_for(lambda: training(ravine, sweep, worker=victim), seconds=COME_SECONDS)
    second_node.kill()
    attempts = check_results(ravine, sweep, num_trials=100)
    assert {one: num for one, num in attempts.items() if num > 1} == {number: 2}
    assert victim in {one.id for one in ravine.client.workers(state="GONE")}
    with pytest.raises(Missing, match="its node is gone"):
        ravine.client.worker_log(victim)


def test_workers_leave_when_there_is_nothing_to_do_and_come_back(ravine: RunningRavine) -> None:
    for _ in range(2):
        sweep = ravine.client.create_sweep(spec(4))
        assert set(check_results(ravine, sweep, num_trials=4).values()) == {1}
        (worker,) = {trial.worker for trial in ravine.client.trials(sweep.id)}
        wait_for(lambda: not list(ravine.client.workers()), seconds=LEAVE_SECONDS)
        assert "leaving: nothing to do" in ravine.client.worker_log(str(worker))


def test_a_head_that_dies_and_returns_costs_time_and_no_result(ravine: RunningRavine, cluster: RayCluster) -> None:
    sweep = ravine.client.create_sweep(spec(20))
    wait_for(lambda: finished(ravine, sweep, num_trials=5), seconds=SWEEP_SECONDS)
    cluster.kill_head()
    cluster.start_head()
    attempts = check_results(ravine, sweep, num_trials=20)
    assert sum(num - 1 for num in attempts.values()) <= 1
