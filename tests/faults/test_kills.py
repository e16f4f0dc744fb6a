"""kill -9 of the service and of workers in the middle of a sweep: nothing is lost, doubled or left running."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from sweeps.states import SweepState
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for

SWEEP: dict[str, Any] = {
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [256]}},
    "space": {
        "learning_rate": {"low": 1e-3, "high": 0.3, "log": True},
        "momentum": {"low": 0.0, "high": 0.95},
        "batch_size": {"choices": [16, 32]},
    },
    "sampler": {"kind": "tpe", "seed": 7},
    "pruner": {"kind": "none"},
    "budget": {"trials": 100, "epochs": 60},
}
SECONDS = 600.0
SEED = 20261120
# Each kill waits for this many more finished trials, so that it lands in the middle of real work.
TRIALS_BETWEEN = 11


def test_service_killed_twice_and_workers_five_times(tmp_path: Path) -> None:
    kills = ["service.worker"] * 3 + ["service.trainer_child"] * 2 + ["service.app"] * 2
    random.Random(SEED).shuffle(kills)
    with running_ravine(tmp_path / "home") as ravine:
        sweep_id = ravine.client.create_sweep(SWEEP).id
        recovered = [
            _kill_in_the_middle(ravine, sweep_id, module=module, after=TRIALS_BETWEEN * (index + 1))
            for index, module in enumerate(kills)
        ]
        wait_for(lambda: _final(ravine, sweep_id), seconds=SECONDS)
        _check(ravine, sweep_id)
        counts = _counts(ravine, sweep_id)
        # The line is what this suite is for: pytest -s shows it.
        print(f"{len(kills)} faults, {counts}, {max(recovered):.1f} s to recover, seed {SEED}")  # noqa: T201
        assert counts == "0 lost, 0 doubled, 0 stuck"


def _kill_in_the_middle(ravine: RunningRavine, sweep_id: str, *, module: str, after: int) -> float:
    wait_for(lambda: ravine.client.sweep(sweep_id).budget.trials_finished >= after, seconds=SECONDS)
    ravine.kill(module, index=after)
    return ravine.wait_ready()


def _final(ravine: RunningRavine, sweep_id: str) -> bool:
    return ravine.client.sweep(sweep_id).state in (SweepState.COMPLETED, SweepState.FAILED)


def _counts(ravine: RunningRavine, sweep_id: str) -> str:
    numbers = [trial.number for trial in ravine.client.trials(sweep_id)]
    open_states = ("WAITING", "RUNNING", "PAUSED")
    num_stuck = sum(trial.state in open_states for trial in ravine.client.trials(sweep_id))
    num_lost = len(set(range(SWEEP["budget"]["trials"])) - set(numbers))
    return f"{num_lost} lost, {len(numbers) - len(set(numbers))} doubled, {num_stuck} stuck"


def _check(ravine: RunningRavine, sweep_id: str) -> None:
    sweep = ravine.client.sweep(sweep_id)
    assert sweep.state is SweepState.COMPLETED, sweep.reason
    trials = list(ravine.client.trials(sweep_id))
    assert [trial.number for trial in trials] == list(range(100))
    states = Counter(trial.state.value for trial in trials)
    assert set(states) <= {"COMPLETED", "DIVERGED"}, states
    assert sweep.budget.trials_finished == 100
    for trial in trials:
        if trial.state == "COMPLETED":
            epochs = [one.epoch for one in ravine.client.epochs(sweep_id, number=trial.number)]
            assert epochs == list(range(1, 61))
    wait_for(lambda: ravine.client.sweep(sweep_id).mlflow.pending == 0, seconds=SECONDS)
    found = ravine.mlflow(
        "runs/search", experiment_ids=[ravine.client.sweep(sweep_id).mlflow.experiment_id], max_results=1000
    )
    assert len(found["runs"]) == 101
