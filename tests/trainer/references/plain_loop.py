"""Whole trainings in float64 against a plain PyTorch loop: batches, order, losses, held-out evaluation."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.trainer.assignments import WINE, assignment
from tests.trainer.references.pytorch import largest
from trainer.catalog import dataset
from trainer.data.datasets import Part, load
from trainer.problem import Problem
from trainer.randomness import epoch_order, initial_model
from trainer.row import Row

EPOCHS = 2


@dataclass(frozen=True)
class Training:
    """Two epochs on the wine."""

    batch_size: int | Literal["full"]
    shuffle: bool
    seed: int


def _model() -> nn.Module:
    return nn.Sequential(nn.Linear(13, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def difference_of_losses(training: Training) -> float:
    """The largest relative difference of a training or held-out loss."""
    parts = load("wine", dtype=torch.float64)
    problem = Problem(
        facts=dataset("wine"),
        model=_model,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        loss=cross_entropy,
        metrics={"val_accuracy": lambda outputs, y: (outputs.argmax(dim=1) == y).double().mean()},
        preprocessing={},
    )
    settings = {"learning_rate": 0.02, "momentum": 0.9, "batch_size": training.batch_size, "shuffle": training.shuffle}
    assigned = assignment(settings, problem=WINE, epochs=EPOCHS, seed=training.seed)
    row = Row(assigned, problem=problem, device=torch.device("cpu"))
    got = []
    while not row.completed:
        metrics = row.advance().metrics
        if metrics is not None:
            got.append([metrics["train_loss"], metrics["val_loss"]])
    expected = _plain_loop(training, train=parts.train, validation=parts.validation)
    return largest(torch.tensor(got, dtype=torch.float64), expected=torch.tensor(expected, dtype=torch.float64))


def _plain_loop(training: Training, *, train: Part, validation: Part) -> list[list[float]]:
    model = initial_model(_model, seed=training.seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    num_rows, epochs = len(train.x), []
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(training.seed, epoch=epoch, num_examples=num_rows)
        order = order if training.shuffle else torch.arange(num_rows)
        loss_sum = 0.0
        for rows in torch.split(order, num_rows if training.batch_size == "full" else training.batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(model(train.x[rows]), train.y[rows])
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
            loss_sum += loss.item() * len(rows)
        epochs.append([loss_sum / num_rows, cross_entropy(model(validation.x), validation.y).item()])
    return epochs
