"""One training without any service: `python -m trainer config.json`.

The config is `{"problem": {"dataset": "digits"}, "settings": {"learning_rate": 0.05}, "epochs": 20, "seed": 0}`; every
field may be left out, and a setting may be named by its path: {"schedule": "cosine", "schedule.cosine.final": 0.1,
"model.width": 32}. A problem of one's own: `{"problem": {"plugin": "name"}, "problems": ["file.py"]}`.
One JSON line per epoch goes to stdout, then one with the state. Exit codes: 0 trained to the end or diverged, 1 the
training raised, 2 the config is wrong.
"""

import sys
from dataclasses import replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from pydantic import ValidationError

from trainer.checkpoint import CheckpointStore
from trainer.engine import train
from trainer.errors import EngineError, ProblemError
from trainer.one_training import OneTraining
from trainer.pauses import AS_A_SERVICE
from trainer.training_config import TrainingConfig, assigned

USAGE = "usage: python -m trainer config.json"


def main(arguments: list[str]) -> int:
    """Train as the file says; returns the exit code."""
    if len(arguments) != 1:
        return _refuse(USAGE)
    try:
        config = TrainingConfig.model_validate_json(Path(arguments[0]).read_bytes())
        assignment = assigned(config)
    except OSError as error:
        return _refuse(f"{arguments[0]} cannot be read: {error.strerror}")
    except ValidationError as error:
        return _refuse(*_explained(error))
    except (ValueError, ProblemError) as error:
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


def _run(source: OneTraining, *, device: str) -> None:
    # More threads slow a small model down, often many times.
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="ravine-training-") as folder:
        checkpoints = CheckpointStore(Path(folder))
        train(
            source,
            slots=1,
            device=device,
            checkpoints=checkpoints,
            pauses=replace(AS_A_SERVICE, checkpoint_seconds=inf),
        )


def _explained(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, problem['loc'])) or 'config'}: {problem['msg']}" for problem in error.errors()]


def _refuse(*reasons: str) -> int:
    sys.stderr.write("".join(f"{reason}\n" for reason in reasons))
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
