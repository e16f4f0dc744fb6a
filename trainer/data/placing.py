"""Where a problem's data lie: on the device that trains on them or, where that has no room, in the machine's memory."""

import logging
from collections.abc import Callable, Iterable

import torch

from trainer.data.datasets import Part, Parts
from trainer.free_memory import MEBIBYTE, free_bytes

MOST_SHARE = 0.5
"""Of a device's free memory, for the data of one problem: models and batches take some, and other problems do."""

_log = logging.getLogger(__name__)


def placed(parts: Parts, *, device: torch.device, free: Callable[[torch.device], int] = free_bytes) -> Parts:
    """The parts on the device; as they are, where they would take more than MOST_SHARE of its memory that is free.

    What trains on parts that lie elsewhere moves a few batches at a time (trainer/row.py).
    """
    every = (parts.train, parts.validation, parts.test)
    needed = _bytes_elsewhere(every, device=device)
    if not needed:
        return parts
    if needed > MOST_SHARE * free(device):
        _log.warning("%d MiB of data stay in the machine's memory: too many for %s", needed // MEBIBYTE, device)
        return parts
    train, validation, test = (Part(part.x.to(device), part.y.to(device)) for part in every)
    return Parts(train, validation, test, preprocessing=parts.preprocessing)


def why_elsewhere(*parts: Part, device: torch.device) -> str | None:
    """None where all of these are on the device; else what is said of their problem, after its name."""
    needed = _bytes_elsewhere(parts, device=device)
    if not needed:
        return None
    return (
        f"has {needed / MEBIBYTE:,.0f} MiB of data, too many for the memory of {device}: they stay in the machine's, "
        "and batches of one trial at a time are moved; for stacks take a device with more memory, or fewer data"
    )


def _bytes_elsewhere(parts: Iterable[Part], *, device: torch.device) -> int:
    return sum(tensor.nbytes for part in parts for tensor in part if tensor.device != device)
