"""What the trainings reach on real data, through the engine."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.trainer.assignments import BASELINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource
from trainer.catalog import DATASETS, SCORES, dataset, metrics
from trainer.checkpoint import CheckpointStore
from trainer.config import LinearModel, MlpModel, ModelConfig, ProblemConfig
from trainer.engine import train
from trainer.report import EpochReport
from trainer.row import BATCHES_AT_ONCE
from trainer.settings import Setting

BASELINE_BATCHES: Mapping[str, Setting] = {**BASELINE, "batch_size": 32}


def _reports(problem: ProblemConfig, *, folder: Path, epochs: int) -> list[EpochReport]:
    source = ScriptedSource([assignment(BASELINE_BATCHES, problem=problem, epochs=epochs)])
    train(source, slots=1, device="cpu", checkpoints=CheckpointStore(folder))
    return source.reports()


@pytest.mark.parametrize(
    ("name", "model", "metric", "at_least"),
    [
        ("digits", MlpModel(), "val_accuracy", 0.93),
        ("digits", LinearModel(), "val_accuracy", 0.9),
        ("breast_cancer", None, "val_accuracy", 0.93),
        ("wine", None, "val_accuracy", 0.93),
        ("diabetes", LinearModel(), "val_r2", 0.3),
    ],
)
def test_the_baseline_learns(
    tmp_path: Path, name: str, model: ModelConfig | None, metric: str, at_least: float
) -> None:
    reports = _reports(ProblemConfig(dataset=name, model=model), folder=tmp_path, epochs=12)
    value = reports[-1].metrics[metric]
    assert value is not None
    assert value > at_least


@pytest.mark.parametrize("name", DATASETS)
def test_the_report_holds_what_the_catalog_says(tmp_path: Path, name: str) -> None:
    problem = ProblemConfig(dataset=name, metrics=SCORES[dataset(name).task])
    [report] = _reports(problem, folder=tmp_path, epochs=1)
    assert tuple(report.metrics) == metrics(dataset(problem.name))
    values = report.metrics
    assert values["generalization_gap"] == (values["val_loss"] or 0) - (values["train_loss"] or 0)
    assert 0 < (values["epoch_seconds"] or 0) <= report.seconds


@pytest.mark.parametrize("drain_at", [5, BATCHES_AT_ONCE, BATCHES_AT_ONCE + 20])
def test_batches_are_cut_in_pieces_and_gone_on_with_anywhere(tmp_path: Path, drain_at: int) -> None:
    settings = {**BASELINE, "learning_rate": 1e-3, "batch_size": 1}
    assigned = assignment(settings, problem=ProblemConfig(dataset="digits"), epochs=1)
    whole, first = ScriptedSource([assigned]), ScriptedSource([assigned], drain_at=drain_at)
    for source in (whole, first):
        train(source, slots=1, device="cpu", checkpoints=CheckpointStore(tmp_path))
    rest = ScriptedSource([assigned.model_copy(update={"checkpoint": first.notes()[0].checkpoint})])
    train(rest, slots=1, device="cpu", checkpoints=CheckpointStore(tmp_path))
    assert numbers(rest.reports()) == numbers(whole.reports())
    assert (whole.reports()[0].metrics["val_accuracy"] or 0) > 0.9
