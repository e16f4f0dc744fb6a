"""What a model's own code must know of its training: which update it is, whether it is evaluated, what it logs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.models.dropout import dropouts_of

MOST_EVALUATED = 4096
"""Examples that go through a model at once in an evaluation."""


class TrainingMode:
    """A model in training: its dropouts are counted from `seed`, and only evaluation sees all its units.

    Without dropout a model is not switched where `always` is false: that costs the smallest ones 1% of their time.
    """

    def __init__(self, module: nn.Module, *, seed: int, always: bool) -> None:
        self._module = module.train()
        self._dropouts = list(dropouts_of(module).values())
        self._switches = always or bool(self._dropouts)
        for number, dropout in enumerate(self._dropouts):
            dropout.seed, dropout.layer = seed, number

    def begin_update(self, num_updates: int) -> None:
        """The update that follows `num_updates` others begins."""
        for dropout in self._dropouts:
            dropout.num_updates = num_updates

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Dropout and the like rest meanwhile."""
        if self._switches:
            self._module.eval()
        yield
        if self._switches:
            self._module.train()


def in_pieces(forward: Callable[[Tensor], Tensor], *, x: Tensor) -> Tensor:
    """A model's outputs, MOST_EVALUATED examples at once: images in their many channels take much room."""
    if len(x) <= MOST_EVALUATED:
        return forward(x)
    return torch.cat([forward(piece) for piece in torch.split(x, MOST_EVALUATED)])
