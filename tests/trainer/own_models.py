"""Models of a user's own, for the tests, in a file: hard to stack, not to be stacked, not to be trained."""

from pathlib import Path

from tests.trainer.assignments import assignment
from trainer.config import Assignment, CheckpointRef, MetricConfig, ProblemConfig
from trainer.own.discovery import discover

MODELS = '''
import torch
from torch import nn
from trainer.plugins import Problem, problem

X = 1 + 3 * torch.randn(110, 6, generator=torch.Generator().manual_seed(5))
Y = (X[:, :3].sum(dim=1) > X[:, 3:].sum(dim=1)).long()

class Scale(nn.Module):
    """Statistics of the author's own: new tensors at each update, and a cache that is none."""
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(6))
        self.register_buffer("latest", None, persistent=False)
    def forward(self, x):
        if self.training:
            self.latest = x.detach().abs().mean(dim=0)
            self.scale = 0.9 * self.scale + 0.1 * self.latest
        return x / self.scale

class Branching(nn.Sequential):
    def forward(self, x):
        return super().forward(x if x.sum() > 6 * len(x) else 2 * x)

def layers(*between):
    return nn.Sequential(nn.Linear(6, 6), *between, nn.ReLU(), nn.Linear(6, 2))

def frozen():
    model = layers(nn.BatchNorm1d(6))
    model[0].requires_grad_(False)
    nn.init.constant_(model[0].bias, 0.25)
    return model

def tied(make=lambda weight: weight):
    model = layers(nn.Linear(6, 6))
    model[1].weight = make(model[0].weight)
    return model

KINDS = {
    "normed": lambda: layers(nn.BatchNorm1d(6)),
    "cumulative": lambda: layers(nn.BatchNorm1d(6, momentum=None), nn.Dropout(0.3)),
    "scaled": lambda: layers(Scale()),
    "frozen": frozen,
    "tied": tied,
    "branching": lambda: Branching(*layers()),
    "nothing to train": lambda: layers().requires_grad_(False),
    "shared memory": lambda: tied(lambda weight: nn.Parameter(weight.detach())),
    "no module": lambda: 3,
}

@problem("models", task="classification")
def models(*, kind: str = "normed") -> Problem:
    return Problem(model=KINDS[kind], train=(X[:70], Y[:70]), validation=(X[70:90], Y[70:90]), test=(X[90:], Y[90:]))
'''

TRAINABLE = ("normed", "cumulative", "scaled", "frozen", "tied", "branching")
STACKABLE = ("normed", "frozen", "tied")


def discover_models(folder: Path, *, old: str = "", new: str = "") -> None:
    """Make the problem `models` known; `new` stands for `old` in it."""
    path = folder / "models.py"
    path.write_text(MODELS.replace(old, new) if old else MODELS)
    discover([str(path)])


def of_kind(kind: str) -> ProblemConfig:
    """The problem with this model."""
    return ProblemConfig(plugin="models", settings={"kind": kind})


def training(kind: str, *, rungs: tuple[int, ...] = (), checkpoint: CheckpointRef | None = None) -> Assignment:
    """4 epochs of 5 updates, the last of them with 6 examples; best is the highest loss, so that it is not the last."""
    highest = MetricConfig(name="val_loss", goal="maximize")
    settings = {"learning_rate": 0.03, "momentum": 0.9, "weight_decay": 0.01, "batch_size": 16}
    of = assignment(settings, rungs=rungs, checkpoint=checkpoint)
    return of.model_copy(update={"problem": of_kind(kind), "metric": highest})
