"""Each preset through REST, to a champion that `predict` and MLflow load alike."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine

from service.schemas import SweepAnswer
from sweeps.space.presets import PRESETS
from sweeps.states import SweepState
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for

SECONDS = 120.0
SEARCHES = tuple(name for name in PRESETS if name != "range-test")
ROWS: list[list[float]] = load_wine().data[::9].tolist()

# Runs where Ravine cannot be imported: what it loads must stand by itself.
LOADER = """
import json, sys
sys.modules.update(service=None, sweeps=None, trainer=None)
import numpy as np
import mlflow

asked = json.load(sys.stdin)
mlflow.set_tracking_uri(asked["mlflow"])
rows = np.array(asked["rows"])
for uri in asked["uris"]:
    said = mlflow.pyfunc.load_model(uri).predict(rows)
    print("ANSWER", said.to_json(orient="columns"))
"""


@pytest.fixture(scope="module")
def ravine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRavine]:
    with running_ravine(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def champions(ravine: RunningRavine) -> dict[str, SweepAnswer]:
    """The ended sweep of each preset, with its model in the registry."""
    made = {name: ravine.client.create_sweep(_sweep(name)) for name in SEARCHES}
    return {name: _ended(ravine, sweep_id=sweep.id) for name, sweep in made.items()}


@pytest.fixture(scope="module")
def loaded(
    ravine: RunningRavine, champions: dict[str, SweepAnswer], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What each champion says when MLflow loads it in a program that does not know Ravine."""
    uris = [sweep.mlflow.model.uri for sweep in champions.values() if sweep.mlflow.model is not None]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADER],
        input=json.dumps({"mlflow": ravine.mlflow_url, "uris": uris, "rows": ROWS}),
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "HOME": str(elsewhere)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line.removeprefix("ANSWER ")) for line in done.stdout.splitlines() if "ANSWER" in line]
    return dict(zip(champions, answers, strict=True))


@pytest.mark.parametrize("preset", SEARCHES)
def test_a_sweep_ends_with_a_champion(preset: str, champions: dict[str, SweepAnswer]) -> None:
    sweep = champions[preset]
    assert sweep.state is SweepState.COMPLETED
    assert sweep.budget.trials_finished == 8
    assert sweep.best is not None
    assert sweep.best.value > 0.8
    assert sweep.mlflow.model is not None


@pytest.mark.parametrize("preset", SEARCHES)
def test_predict_and_mlflow_answer_alike(
    preset: str, ravine: RunningRavine, champions: dict[str, SweepAnswer], loaded: dict[str, Any]
) -> None:
    said = ravine.client.predict(champions[preset].id, rows=ROWS)
    columns = {name: list(column.values()) for name, column in loaded[preset].items()}
    assert columns.pop("prediction") == said.predictions
    assert said.probabilities is not None
    probabilities = np.array(said.probabilities)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.allclose(np.array(list(columns.values())).T, probabilities, atol=1e-6)
    assert len(set(said.predictions)) == 3


def test_the_preset_range_test_runs_no_trial(ravine: RunningRavine) -> None:
    sweep = ravine.client.create_sweep({"problem": {"dataset": "wine"}, "space": "range-test"})
    wait_for(lambda: ravine.client.sweep(sweep.id).state is SweepState.COMPLETED, seconds=SECONDS)
    ended = ravine.client.sweep(sweep.id)
    assert ended.trial_counts == {}
    assert ended.range_test is not None
    assert 0 < ended.range_test.low < ended.range_test.high <= 10


def test_learning_rate_auto_searches_within_what_its_range_test_found(ravine: RunningRavine) -> None:
    space = {"learning_rate": "auto", "momentum": {"low": 0.0, "high": 0.99}}
    sweep = ravine.client.create_sweep({"problem": {"dataset": "wine"}, "space": space, "budget": {"trials": 6}})
    wait_for(lambda: ravine.client.sweep(sweep.id).state is SweepState.COMPLETED, seconds=SECONDS)
    found = ravine.client.sweep(sweep.id).range_test
    assert found is not None
    rates = [float(trial.settings["learning_rate"]) for trial in ravine.client.trials(sweep.id)]
    assert len(rates) == 6
    assert all(found.low <= rate <= found.high for rate in rates)


def _sweep(preset: str) -> dict[str, Any]:
    return {
        "name": f"wine-{preset}",
        "problem": {"dataset": "wine"},
        "space": preset,
        "pruner": {"kind": "none"},
        "budget": {"trials": 8, "epochs": 6},
        "sampler": {"kind": "qmc", "seed": 1},
    }


def _ended(ravine: RunningRavine, *, sweep_id: str) -> SweepAnswer:
    def registered() -> SweepAnswer | None:
        sweep = ravine.client.sweep(sweep_id)
        assert sweep.state is not SweepState.FAILED, sweep.reason
        return sweep if sweep.mlflow.model is not None else None

    answer: SweepAnswer = wait_for(registered, seconds=SECONDS)
    return answer
