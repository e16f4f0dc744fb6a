"""The training loop of the peers: eager PyTorch at its best, on the rows that Ravine trains and judges with."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from benchmarks.images import images
from benchmarks.workload import DataName, SgdSettings, Work
from trainer.config import CnnModel
from trainer.data.datasets import Part, load
from trainer.models.convolution import cnn

NUM_CLASSES = 10

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def train(settings: SgdSettings, *, work: Work, seed: int) -> Iterator[dict[str, float]]:
    """The metrics of one training, epoch by epoch: train_loss, val_loss, and val_accuracy where there are classes.

    The data are tensors in memory, drawn in a new order each epoch; a DataLoader would cost a third more. Measured on
    these networks, the fused SGD is the fastest of PyTorch's three.
    """
    torch.manual_seed(seed)
    fit, held_out = parts(work.data)
    loss = mse_loss if work.data == "diabetes" else cross_entropy
    model = network(work)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings["learning_rate"],
        momentum=settings["momentum"],
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    for _ in range(work.num_epochs):
        train_loss = _one_epoch(model, optimizer=optimizer, loss=loss, fit=fit, batch_size=settings["batch_size"])
        with torch.inference_mode():  # no yield in it: it would hold for all that this thread does meanwhile
            scores = _scores(model(held_out.x), targets=held_out.y, loss=loss)
        yield {"train_loss": train_loss} | scores


def network(work: Work) -> nn.Module:
    """The model as one writes it by hand; the convolutional one is Ravine's own module.

    Measured here, channels_last saves a quarter to a third of an update of that one.
    """
    if work.channels:
        image = tuple(parts(work.data)[0].x.shape[1:])
        model = cnn(CnnModel(channels=work.channels), image=image, num_outputs=NUM_CLASSES, activation=nn.ReLU)
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # as torch has it
    num_outputs = 1 if work.data == "diabetes" else NUM_CLASSES
    widths = (parts(work.data)[0].x.shape[1], *work.hidden, num_outputs)
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


@cache
def parts(data: DataName) -> tuple[Part, Part]:
    """The training and the validation part."""
    if data != "images":
        loaded = load(data)
        return loaded.train, loaded.validation
    made = {name: torch.from_numpy(array) for name, array in images().items()}
    return Part(made["x_train"], made["y_train"]), Part(made["x_validation"], made["y_validation"])


def _one_epoch(model: nn.Module, *, optimizer: torch.optim.Optimizer, loss: Loss, fit: Part, batch_size: int) -> float:
    """The mean training loss over one pass."""
    order = torch.randperm(len(fit.x))
    total = torch.zeros(())
    for x, y in zip(torch.split(fit.x[order], batch_size), torch.split(fit.y[order], batch_size), strict=True):
        of_batch = loss(model(x), y)
        of_batch.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimizer.step()
        optimizer.zero_grad()
        total += of_batch.detach() * len(x)
    return (total / len(fit.x)).item()


def _scores(outputs: Tensor, *, targets: Tensor, loss: Loss) -> dict[str, float]:
    scores = {"val_loss": loss(outputs, targets).item()}
    if targets.dtype == torch.int64:
        scores["val_accuracy"] = (outputs.argmax(1) == targets).float().mean().item()
    return scores
