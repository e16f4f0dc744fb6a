"""A problem of a user's own, for the tests, in a file: what its model does in training cannot be stacked."""

from pathlib import Path

FORWARDS = """
import random
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from trainer.plugins import Problem, log_metric, problem

X = torch.randn(50, 4, generator=torch.Generator().manual_seed(5))
Y = (X.sum(dim=1) > 0).long()
BIAS = torch.zeros(2)
CALLS = [0]

def counting(o):
    CALLS[0] += 1
    return o * (1 + CALLS[0] % 7)

def filling(o):
    BIAS.copy_(o.detach().mean(dim=0))
    return o - BIAS

FORWARDS = {
    "plain": lambda o: o,
    "dropout": lambda o: F.dropout(o, 0.5),
    "noise": lambda o: o + 0.1 * torch.randn(2),
    "numpy": lambda o: o * (1 + float(np.random.rand())),
    "python": lambda o: o * (1 + random.random()),
    "counting": counting,
    "filling": filling,
    "item": lambda o: o / max(1.0, float(o.detach().abs().max())),
    "numbers": lambda o: o + float(o.detach().numpy().max()),
    "mask": lambda o: o - o[o > 0].mean(),
    "logging": lambda o: log_metric("spread", o.std()) or o,
}

class Model(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.kind = kind
    def forward(self, x):
        outputs = self.layer(x)
        return FORWARDS.get(self.kind, FORWARDS["plain"])(outputs) if self.training else outputs

class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.GRU(4, 2, batch_first=True)
    def forward(self, x):
        return self.recurrent(x[:, None])[0][:, 0]

def far(outputs, targets):
    return F.cross_entropy(outputs, targets) if targets.max() > 0 else outputs.sum()

@problem("forwards", task="classification")
def forwards(*, kind: str = "plain") -> Problem:
    model = Recurrent if kind == "recurrent" else lambda: Model(kind)
    loss = {"loss": far}.get(kind)
    return Problem(model=model, loss=loss, train=(X, Y), validation=(X, Y), test=(X, Y))
"""


def write_forwards(folder: Path) -> str:
    """The file with the problem `forwards`; its setting `kind` is one of FORWARDS, recurrent or loss."""
    path = folder / "forwards.py"
    path.write_text(FORWARDS)
    return str(path)
