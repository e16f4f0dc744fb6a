"""The training loop of the peers: eager PyTorch at its best, on the rows that Ravine trains and judges with."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.workload import DATASET, NUM_EPOCHS, NUM_HIDDEN_UNITS, SgdSettings
from trainer.data.datasets import load

NUM_CLASSES = 10


def train(settings: SgdSettings, *, seed: int) -> Iterator[dict[str, float]]:
    """The metrics of one training, epoch by epoch: train_loss, val_loss, val_accuracy.

    The data are tensors in memory, drawn in a new order each epoch; a DataLoader would cost a third more. Measured on
    this network, the fused SGD is the fastest of PyTorch's three.
    """
    torch.manual_seed(seed)
    parts = load(DATASET)
    num_features = parts.train.x.shape[1]
    model = nn.Sequential(
        nn.Linear(num_features, NUM_HIDDEN_UNITS), nn.ReLU(), nn.Linear(NUM_HIDDEN_UNITS, NUM_CLASSES)
    )
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings["learning_rate"],
        momentum=settings["momentum"],
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    for _ in range(NUM_EPOCHS):
        train_loss = _one_epoch(model, optimizer=optimizer, batch_size=settings["batch_size"])
        with torch.inference_mode():
            outputs = model(parts.validation.x)
            yield {
                "train_loss": train_loss,
                "val_loss": cross_entropy(outputs, parts.validation.y).item(),
                "val_accuracy": (outputs.argmax(1) == parts.validation.y).float().mean().item(),
            }


def _one_epoch(model: nn.Module, *, optimizer: torch.optim.Optimizer, batch_size: int) -> float:
    """The mean training loss over one pass."""
    train = load(DATASET).train
    order = torch.randperm(len(train.x))
    total = torch.zeros(())
    for x, y in zip(torch.split(train.x[order], batch_size), torch.split(train.y[order], batch_size), strict=True):
        loss = cross_entropy(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimizer.step()
        optimizer.zero_grad()
        total += loss.detach() * len(x)
    return (total / len(train.x)).item()
