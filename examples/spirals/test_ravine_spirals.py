"""The example's own test: how to try a problem without any service."""

from pathlib import Path

import torch

from trainer.checkpoint import CheckpointStore
from trainer.config import ProblemConfig
from trainer.own.discovery import discover
from trainer.problem import build_problem

FILE = Path(__file__).with_name("ravine_spirals.py")


def test_the_spirals_can_be_told_apart(tmp_path: Path) -> None:
    """As Ravine builds it, trained by a plain loop."""
    discover([str(FILE)])
    config = ProblemConfig(plugin="spirals", settings={"width": 32, "noise": 0.02})
    problem = build_problem(config, device=torch.device("cpu"), files=CheckpointStore(tmp_path))
    torch.manual_seed(0)
    model = problem.model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for _ in range(400):
        optimizer.zero_grad()
        loss = problem.loss(model(problem.train.x), problem.train.y)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimizer.step()
    x, y = problem.validation
    assert problem.metrics["val_accuracy"](model(x), y) > 0.95
