"""The same by Keras: its SGD is the classical form, with InverseTimeDecay for the `decay` of old."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from tests.trainer.references.cases import Rows, Run
from tests.trainer.references.ours import rates_of, starts_and_gradients, weights_after_each_update
from tests.trainer.references.pytorch import largest
from trainer.config import Goal
from trainer.course.stopping import Patience, is_spent, patience_after
from trainer.kinds import InverseTime
from trainer.settings import Settings

ROOT = Path(__file__).parents[3]


class Keras:
    """A process that answers questions with Keras on the torch backend; `folder` is where it may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.trainer.references.keras_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"KERAS_BACKEND": "torch", "KERAS_HOME": str(self._folder), "OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def ask(self, ask: str, **question: Any) -> Any:
        """The answer of the function of that name in keras_child."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": ask, **question}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def difference_of_sgd(rows: Rows, *, keras: Keras) -> float:
    """The largest relative difference of a weight after any update."""
    theta, gradients = starts_and_gradients(rows)
    each = [
        keras.ask(
            "sgd",
            learning_rate=row.learning_rate,
            decay=row.lr_decay,
            momentum=row.momentum,
            nesterov=row.nesterov,
            start=theta[i].tolist(),
            gradients=gradients[:, i].tolist(),
        )
        for i, row in enumerate(rows.settings)
    ]
    return largest(weights_after_each_update(rows), expected=torch.tensor(each, dtype=torch.float64).transpose(0, 1))


def difference_of_inverse_time(run: Run, *, keras: Keras) -> float:
    """The largest difference of a learning rate, as a share of the first."""
    rate, schedule = run.settings.learning_rate, run.settings.schedule
    assert isinstance(schedule, InverseTime)
    expected = keras.ask("inverse_time", learning_rate=rate, b=schedule.b, num_updates=run.course.num_updates)
    return max(abs(one - float(other)) / rate for one, other in zip(rates_of(run), expected, strict=True))


def difference_of_stopping(run: Run, *, keras: Keras) -> float:
    """In epochs; whether the losses are to be low or high follows from the length of the training."""
    goal: Goal = "maximize" if run.course.epochs % 2 else "minimize"
    settings = run.settings
    expected = keras.ask(
        "early_stopping",
        mode=goal[:3],
        patience=settings.early_stopping_patience,
        min_delta=settings.early_stopping_min_delta,
        values=run.losses,
    )
    return abs(_last_epoch(run.losses, settings=settings, goal=goal) - (expected or len(run.losses)))


def _last_epoch(values: tuple[float, ...], *, settings: Settings, goal: Goal) -> int:
    patience = Patience()
    for epoch, value in enumerate(values, start=1):
        patience = patience_after(patience, value=value, goal=goal, min_delta=settings.early_stopping_min_delta)
        if is_spent(patience, settings=settings):
            return epoch
    return len(values)
