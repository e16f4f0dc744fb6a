"""The rules of the update by name, with one signature for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from torch import Tensor

from trainer.course.schedules import Pace
from trainer.settings import Settings
from trainer.updates import adam, rmsprop, sgd
from trainer.updates.columns import Numbers, Update


class NumbersOf(Protocol):
    """What an update needs to know of one row, as plain numbers."""

    def __call__(self, settings: Settings, *, pace: Pace, num_updates: int) -> Numbers:
        """The numbers of the update that follows `num_updates` others."""


class UpdateOf(Protocol):
    """The numbers of all rows as an update."""

    def __call__(self, rows: Sequence[Numbers], *, like: Tensor) -> Update:
        """The update with its columns in dtype and on the device of `like`."""


@dataclass(frozen=True)
class Rule:
    """A rule of the update: what it remembers between updates, and what it does in one.

    `counts_updates`: the numbers of every update are others; otherwise they follow from the pace, but for a first one.
    """

    buffers: tuple[str, ...]
    numbers: NumbersOf
    update: UpdateOf
    counts_updates: bool = False


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "sgd": Rule(sgd.BUFFERS, sgd.sgd_numbers, sgd.sgd_update),
        "adam": Rule(adam.BUFFERS, adam.adam_numbers, adam.AdamUpdate, counts_updates=True),
        "adamw": Rule(adam.BUFFERS, adam.adam_numbers, adam.AdamUpdate, counts_updates=True),
        "rmsprop": Rule(rmsprop.BUFFERS, rmsprop.rmsprop_numbers, rmsprop.RmsPropUpdate),
    }
)
"""By the kind of `optimizer`."""
