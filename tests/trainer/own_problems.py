"""A problem of a user's own, for the tests: a line, in a file, that goes wrong where it is told to."""

from pathlib import Path

from tests.trainer.assignments import assignment
from tests.trainer.scripted_source import ScriptedSource
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.engine import train
from trainer.own.discovery import discover
from trainer.settings import Setting

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "spirals"
SPIRALS = str(EXAMPLE / "ravine_spirals.py")

OWN = '''
import torch
from torch import nn
from trainer.plugins import Problem, log_metric, problem

X, Y = torch.linspace(-1, 1, 40)[:, None], torch.linspace(2, 4, 40)[:, None]

class Line(nn.Module):
    def __init__(self, wrong):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.wrong = wrong

    def forward(self, x):
        if self.wrong == "model":
            raise ValueError("boom")
        return self.layer(x)

def log_and_measure(outputs, targets):
    log_metric("offset", (targets - outputs).mean())
    return (targets - outputs).square().mean()

@problem("line", metrics=("val_worst",), description="A line.")
def line(*, wrong: str = "", slope: float = 1) -> Problem:
    """Unused.

    Args:
        wrong (str): Where it shall go wrong.
    """
    if wrong == "function":
        raise RuntimeError("no data today")
    if wrong == "torch":
        torch.ones(2) @ torch.ones(3)
    model = nn.Linear(1, 1) if wrong == "instance" else lambda: Line(wrong)
    return Problem(
        model=model, train=(X, Y), validation=(X, Y), test=(X, Y),
        loss=log_and_measure, metrics={"val_worst": lambda o, t: float((t - o).abs().max())},
    )
'''


def line_of(text: str) -> int:
    """Where it stands in OWN."""
    return next(number for number, line in enumerate(OWN.splitlines(), start=1) if text in line)


def own_file(folder: Path, *, old: str = "", new: str = "") -> str:
    """A file with OWN in it, in which `new` stands for `old`."""
    path = folder / "own.py"
    path.write_text(OWN.replace(old, new) if old else OWN)
    return str(path)


def line(settings: dict[str, Setting] | None = None) -> ProblemConfig:
    """The problem in OWN with these settings."""
    return ProblemConfig(plugin="line", settings=settings or {})


def assigned(problem: ProblemConfig, *, attempt: int = 1, epochs: int = 2) -> Assignment:
    """Searched on the held-out loss, which every problem has."""
    loss = MetricConfig(name="val_loss", goal="minimize")
    return assignment(attempt=attempt, epochs=epochs).model_copy(update={"problem": problem, "metric": loss})


def trained(*assignments: Assignment, folder: Path, drain_at: int | None = None) -> ScriptedSource:
    """What an engine said of them."""
    source = ScriptedSource(assignments, drain_at=drain_at)
    train(source, slots=1, device="cpu", checkpoints=CheckpointStore(folder))
    return source


SHAPES = """
import random
import numpy as np
import torch
from torch import nn
from trainer.plugins import Problem, problem

X = torch.linspace(-1, 1, 40)[:, None]

def on(x, y, make):
    return Problem(model=make, train=(x, y), validation=(x, y), test=(x, y))

@problem("squeezed", task="regression")
def squeezed() -> Problem:
    return on(X, X[:, 0], lambda: nn.Sequential(nn.Linear(1, 1), nn.Flatten(0)))

@problem("wide", task="classification")
def wide() -> Problem:
    return on(X, (X[:, 0] > 0).long(), lambda: nn.Linear(1, 5))

@problem("drawn", task="regression")
def drawn() -> Problem:
    x = np.random.rand(40, 1) + random.random()
    return on(x, x, lambda: nn.Linear(1, 1))
"""
"""Problems whose outputs, or whose data, are not what one expects."""


def discover_shapes(folder: Path) -> None:
    """Make the problems in SHAPES known."""
    path = folder / "shapes.py"
    path.write_text(SHAPES)
    discover([str(path)])
