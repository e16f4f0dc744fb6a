"""Updates of rows that share an optimizer: clip, then the rule's own update."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.course.schedules import Pace
from trainer.settings import Settings
from trainer.updates.clipping import Clipping
from trainer.updates.columns import Buffers, Numbers, Update
from trainer.updates.optimizers import RULES


def empty_buffers(settings: Settings, *, like: Tensor) -> dict[str, Tensor]:
    """What the optimizer of these settings remembers of weights like these before the first update."""
    return {name: torch.zeros_like(like) for name in RULES[settings.optimizer.kind].buffers}


class Stepper:
    """Steps rows with these settings, one after the other in the first dimension of every tensor.

    The columns of numbers are written anew only when one may have changed: with constant paces, never.
    """

    def __init__(self, rows: Sequence[Settings], *, like: Tensor) -> None:
        [kind] = {row.optimizer.kind for row in rows}
        self._rows = rows
        self._rule = RULES[kind]
        self._clipping = Clipping([row.gradient_clip_norm for row in rows], like=like)
        self._paces: Sequence[Pace] = ()
        self._update: Update | None = None

    @property
    def counts_updates(self) -> bool:
        """The numbers of every update are others, whatever the paces."""
        return self._rule.counts_updates

    def prepare(self, paces: Sequence[Pace], *, num_updates: Sequence[int], like: Tensor) -> None:
        """Row i's next update follows `num_updates[i]` others, at this pace; until told otherwise all later ones do."""
        if self._update is None or paces != self._paces or self._rule.counts_updates or min(num_updates) <= 1:
            self._update = self._due(paces, num_updates=num_updates, like=like)

    def step(self, theta: Tensor, *, buffers: Buffers, gradient: Tensor) -> None:
        """The update prepared, in place of theta and buffers; the gradient stays as it is.

        None of these tensors may ask for a gradient of its own.
        """
        assert self._update is not None
        self._update.apply(theta, buffers=buffers, gradient=self._clipping.clipped(gradient))

    def _due(self, paces: Sequence[Pace], *, num_updates: Sequence[int], like: Tensor) -> Update:
        numbers: list[Numbers] = [
            self._rule.numbers(row, pace=pace, num_updates=count)
            for row, pace, count in zip(self._rows, paces, num_updates, strict=True)
        ]
        self._paces = paces
        if self._update is None:
            return self._rule.update(numbers, like=like)
        self._update.write(numbers)
        return self._update
