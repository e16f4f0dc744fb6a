"""Devices by name."""

import torch

from trainer.errors import EngineError


def device_named(name: str) -> torch.device:
    """The device, with its number where there are several: data are kept by device, `cuda` and `cuda:0` are one.

    EngineError where it is not there.
    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"There is no device {name!r} here; choose cpu, or one that torch sees: {error}") from error
