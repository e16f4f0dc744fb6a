"""One training without any service: `python -m trainer config.json`.

The config is `{"problem": {"dataset": "digits"}, "settings": {"learning_rate": 0.05}, "epochs": 20, "seed": 0}`; every
field may be left out, and a setting may be named by its path: {"schedule": "cosine", "schedule.cosine.final": 0.1}.
One JSON line per epoch goes to stdout, then one with the state. Exit codes: 0 trained to the end or diverged, 1 the
training raised, 2 the config is wrong.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field, ValidationError

from trainer.catalog import check_metric, check_problem, check_settings, dataset, default_metric
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.engine import train
from trainer.errors import EngineError
from trainer.frozen import Frozen
from trainer.one_training import OneTraining
from trainer.settings import Settings, nested

USAGE = "usage: python -m trainer config.json"


def _by_path_or_nested(settings: Any) -> Any:
    return nested(settings) if isinstance(settings, dict) else settings


class TrainingConfig(Frozen):
    """What one training by hand is told; `metric` is the problem's own where it is null."""

    problem: ProblemConfig = ProblemConfig(dataset="digits")
    settings: Annotated[Settings, BeforeValidator(_by_path_or_nested)] = Settings()
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    metric: MetricConfig | None = None
    device: str = "cpu"


def main(arguments: list[str]) -> int:
    """Train as the file says; returns the exit code."""
    if len(arguments) != 1:
        return _refuse(USAGE)
    try:
        config = TrainingConfig.model_validate_json(Path(arguments[0]).read_bytes())
        assignment = _assignment(config)
    except OSError as error:
        return _refuse(f"{arguments[0]} cannot be read: {error.strerror}")
    except ValidationError as error:
        return _refuse(*_explained(error))
    except ValueError as error:
        return _refuse(str(error))
    source = OneTraining(assignment, sys.stdout)
    try:
        _run(source, device=config.device)
    except EngineError as error:
        return _refuse(f"device: {error}")
    source.close()
    if source.ending is not None and source.ending.state == "FAILED":
        sys.stderr.write(source.ending.traceback or "")
        return 1
    return 0


def _assignment(config: TrainingConfig) -> Assignment:
    """ValueError where the parts of the config do not fit together."""
    facts = dataset(config.problem.name)
    check_problem(config.problem, facts=facts)
    check_settings(config.settings, facts=facts)
    metric = config.metric or default_metric(facts)
    check_metric(metric, facts=facts)
    return Assignment(
        attempt=0,
        sweep="by-hand",
        trial=0,
        problem=config.problem,
        settings=config.settings,
        epochs=config.epochs,
        seed=config.seed,
        metric=metric,
    )


def _run(source: OneTraining, *, device: str) -> None:
    # More threads slow a small model down, often many times.
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="ravine-training-") as folder:
        checkpoints = CheckpointStore(Path(folder))
        train(source, slots=1, device=device, checkpoints=checkpoints, checkpoint_seconds=float("inf"))


def _explained(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, problem['loc'])) or 'config'}: {problem['msg']}" for problem in error.errors()]


def _refuse(*reasons: str) -> int:
    sys.stderr.write("".join(f"{reason}\n" for reason in reasons))
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
