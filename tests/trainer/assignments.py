"""Small trainings for the tests."""

from collections.abc import Mapping

from trainer.catalog import dataset, default_metric
from trainer.config import Assignment, CheckpointRef, MlpModel, ProblemConfig
from trainer.report import EpochReport
from trainer.settings import Setting, settings_of

BASELINE: Mapping[str, Setting] = {"learning_rate": 0.01, "momentum": 0.9}

WINE = ProblemConfig(dataset="wine", model=MlpModel(hidden=(8,)))
"""107 examples: 4 updates an epoch at batch size 32, the last of them with 11 examples."""

RAVINE = ProblemConfig(dataset="quadratic")


def assignment(
    settings: Mapping[str, Setting] = BASELINE,
    *,
    problem: ProblemConfig = WINE,
    epochs: int = 4,
    seed: int = 7,
    attempt: int = 1,
    rungs: tuple[int, ...] = (),
    checkpoint: CheckpointRef | None = None,
) -> Assignment:
    """An assignment that searches on the problem's own metric."""
    return Assignment(
        attempt=attempt,
        sweep="sweep",
        trial=attempt,
        problem=problem,
        settings=settings_of(settings),
        epochs=epochs,
        seed=seed,
        metric=default_metric(dataset(problem.name)),
        rungs=rungs,
        checkpoint=checkpoint,
    )


def numbers(reports: list[EpochReport]) -> list[dict[str, float | None]]:
    """What must be the same in two trainings of one trial: every metric but the time it took."""
    return [
        {"epoch": report.epoch} | {name: value for name, value in report.metrics.items() if name != "epoch_seconds"}
        for report in reports
    ]
