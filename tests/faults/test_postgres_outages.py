"""PostgreSQL stopped, killed and frozen under a whole Ravine: nobody leaves, nothing is lost, doubled or left over."""

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from sweeps.states import SweepState
from tests.databases import PostgresDatabases
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for
from tests.postgres_server import PostgresServer

NUM_TRIALS, NUM_EPOCHS = 80, 40
SWEEP: dict[str, Any] = {
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [128]}},
    "space": {"learning_rate": {"low": 1e-3, "high": 0.3, "log": True}, "batch_size": {"choices": [16, 32]}},
    "sampler": {"kind": "tpe", "seed": 7},
    "pruner": {"kind": "none"},
    "budget": {"trials": NUM_TRIALS, "epochs": NUM_EPOCHS},
}
OUTAGES = (signal.SIGINT, signal.SIGKILL, signal.SIGSTOP, signal.SIGQUIT, signal.SIGKILL)
AWAY_SECONDS = (0.0, 5.0, 2.0, 4.0, 1.0)
SECONDS = 300.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


def test_five_outages_in_the_middle_of_a_sweep(tmp_path: Path, server: PostgresServer) -> None:
    with running_ravine(tmp_path / "home", **PostgresDatabases(server).for_service()) as ravine:
        sweep_id = ravine.client.create_sweep(SWEEP).id
        wait_for(partial(_has_finished, ravine, sweep_id, count=5), seconds=SECONDS)
        before = _pids(ravine)
        for index, (how, seconds) in enumerate(zip(OUTAGES, AWAY_SECONDS, strict=True)):
            wait_for(partial(_has_finished, ravine, sweep_id, count=12 * (index + 1)), seconds=SECONDS)
            _go_away(server, ravine, how=how, seconds=seconds)
        wait_for(lambda: ravine.client.sweep(sweep_id).state is SweepState.COMPLETED, seconds=SECONDS)
        assert _pids(ravine) == before, "API, recorder and workers are the ones that they were"
        _everything_once(ravine, sweep_id)


def _go_away(server: PostgresServer, ravine: RunningRavine, *, how: signal.Signals, seconds: float) -> None:
    if how is signal.SIGSTOP:
        server.freeze()
        time.sleep(seconds)
        server.thaw()
    else:
        server.stop(how)
        answer = httpx.get(f"{ravine.url}/v1/sweeps", trust_env=False)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        time.sleep(seconds)
        server.start()
    ravine.wait_ready()


def _has_finished(ravine: RunningRavine, sweep_id: str, *, count: int) -> bool:
    return ravine.client.sweep(sweep_id).budget.trials_finished >= count


def _pids(ravine: RunningRavine) -> dict[str, set[int]]:
    modules = ("service.app", "service.worker", "service.recorder")
    return {module: {one.pid for one in ravine.parts(module)} for module in modules}


def _everything_once(ravine: RunningRavine, sweep_id: str) -> None:
    trials = list(ravine.client.trials(sweep_id))
    assert [one.number for one in trials] == list(range(NUM_TRIALS))
    assert {one.state.value for one in trials} <= {"COMPLETED", "DIVERGED"}
    assert {one.attempts for one in trials} == {1}
    for one in trials:
        if one.state == "COMPLETED":
            epochs = [row.epoch for row in ravine.client.epochs(sweep_id, number=one.number)]
            assert epochs == list(range(1, NUM_EPOCHS + 1))
    wait_for(lambda: ravine.client.sweep(sweep_id).mlflow.pending == 0, seconds=SECONDS)
    experiment = ravine.client.sweep(sweep_id).mlflow.experiment_id
    found = ravine.mlflow("runs/search", experiment_ids=[experiment], max_results=1000)
    assert len(found["runs"]) == NUM_TRIALS + 1
