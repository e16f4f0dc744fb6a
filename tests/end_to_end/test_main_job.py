"""The main job as a user sees it: a sweep over REST, real trainings, and the same story in MLflow."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.schemas import ExportState, SweepAnswer
from sweeps.states import SweepState, TrialState
from tests.databases import Databases
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for

SWEEP: dict[str, Any] = {
    "name": "digits-end-to-end",
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [32]}},
    "space": {
        "learning_rate": {"low": 1e-3, "high": 1.0, "log": True},
        "momentum": {"low": 0.0, "high": 0.99},
        "batch_size": {"choices": [32, 64]},
    },
    "sampler": {"kind": "tpe", "seed": 7},
    "budget": {"trials": 12, "epochs": 8},
}
STATUS = {"COMPLETED": "FINISHED", "DIVERGED": "FINISHED", "PRUNED": "KILLED", "CANCELLED": "KILLED"}
METRICS = {"train_loss", "val_loss", "val_accuracy", "learning_rate", "momentum", "grad_norm", "epoch_seconds"}
SECONDS = 120.0


@pytest.fixture(scope="module")
def ravine(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[RunningRavine]:
    with running_ravine(tmp_path_factory.mktemp("home"), **databases.for_service()) as running:
        yield running


@pytest.fixture(scope="module")
def finished(ravine: RunningRavine) -> SweepAnswer:
    sweep = ravine.client.create_sweep(SWEEP)
    wait_for(lambda: ravine.client.sweep(sweep.id).state in (SweepState.COMPLETED, SweepState.FAILED), seconds=SECONDS)
    wait_for(lambda: ravine.client.sweep(sweep.id).mlflow.pending == 0, seconds=SECONDS)
    return ravine.client.sweep(sweep.id)


def test_a_sweep_ends_with_an_answer(ravine: RunningRavine, finished: SweepAnswer) -> None:
    assert finished.state is SweepState.COMPLETED
    assert sum(finished.trial_counts.values()) == 12
    assert finished.budget.trials_finished == 12
    best = ravine.client.best(finished.id)
    assert best.value > 0.85
    assert best.baseline is not None
    assert best.baseline.trial == 0


def test_the_winner_predicts_and_is_exported(ravine: RunningRavine, finished: SweepAnswer) -> None:
    said = ravine.client.predict(finished.id, rows=[[0.0] * 64, [16.0] * 64])
    assert said.trial == ravine.client.best(finished.id).trial
    assert said.classes == list(range(10))
    assert said.probabilities is not None
    assert [sum(row) for row in said.probabilities] == pytest.approx([1.0, 1.0])
    assert said.predictions == [row.index(max(row)) for row in said.probabilities]
    exported = wait_for(lambda: _export_if_over(ravine.client.sweep(finished.id)), seconds=SECONDS)
    assert (exported.state, exported.trial, exported.reason) == ("READY", said.trial, None)


def test_mlflow_holds_one_run_per_trial_with_the_same_points(ravine: RunningRavine, finished: SweepAnswer) -> None:
    runs = _runs(ravine, finished)
    parent = [run for run in runs if run["info"]["run_id"] == finished.mlflow.run_id]
    nested = [run for run in runs if _tags(run).get("mlflow.parentRunId") == finished.mlflow.run_id]
    trials = list(ravine.client.trials(finished.id))
    assert [run["info"]["status"] for run in parent] == ["FINISHED"]
    assert len(nested) == len(trials) == 12
    by_id = {run["info"]["run_id"]: run for run in nested}
    for trial in trials:
        assert trial.mlflow_run_id is not None
        run = by_id[trial.mlflow_run_id]
        assert run["info"]["status"] == STATUS[trial.state]
        assert _tags(run)["ravine.state"] == trial.state
        params = {one["key"]: one["value"] for one in run["data"]["params"]}
        assert float(params["learning_rate"]) == pytest.approx(trial.settings["learning_rate"])


def test_every_epoch_is_one_point_of_each_metric(ravine: RunningRavine, finished: SweepAnswer) -> None:
    trial = next(one for one in ravine.client.trials(finished.id) if one.state is TrialState.COMPLETED)
    epochs = list(ravine.client.epochs(finished.id, number=trial.number))
    assert len(epochs) == trial.num_epochs == 8
    run = next(run for run in _runs(ravine, finished) if run["info"]["run_id"] == trial.mlflow_run_id)
    logged = {one["key"] for one in run["data"]["metrics"]}
    assert logged >= METRICS
    history = _history(ravine, run_id=trial.mlflow_run_id or "", metric="val_accuracy")
    assert history == [(one.epoch, one.metrics["val_accuracy"]) for one in epochs]


def test_the_events_tell_the_whole_story_in_order(ravine: RunningRavine, finished: SweepAnswer) -> None:
    events = list(ravine.client.events(finished.id))
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))
    last = {event.trial: event.data["state"] for event in events if event.kind == "trial.state"}
    assert Counter(last.values()) == {str(state): count for state, count in finished.trial_counts.items()}
    assert [event.data["state"] for event in events if event.kind == "sweep.state"] == [
        "PENDING",
        "RUNNING",
        "COMPLETED",
    ]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, databases: Databases) -> None:
    with running_ravine(tmp_path / "home", RAVINE_RECORDER="false", **databases.for_service()) as ravine:
        wait_for(lambda: ravine.parts("service.trainer_child"), seconds=SECONDS)
        assert ravine.stop() == []
        assert ravine.process.returncode == 0


def _runs(ravine: RunningRavine, sweep: SweepAnswer) -> list[dict[str, Any]]:
    found = ravine.mlflow("runs/search", experiment_ids=[sweep.mlflow.experiment_id], max_results=1000)
    return list(found["runs"])


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in run["data"]["tags"]}


def _history(ravine: RunningRavine, *, run_id: str, metric: str) -> list[tuple[int, float]]:
    found = ravine.mlflow_get("metrics/get-history", run_id=run_id, metric_key=metric)
    return [(int(one["step"]), one["value"]) for one in found["metrics"]]


def _export_if_over(sweep: SweepAnswer) -> ExportState | None:
    return sweep.export if sweep.export is not None and sweep.export.state != "WAITING" else None
