"""Devices by name."""

import torch

from trainer.errors import EngineError


def device_named(name: str) -> torch.device:
    """The device, with its number where there are several: data are kept by device, `cuda` and `cuda:0` are one.

    What is computed on it in float32 is float32 from now on, convolutions too, which torch computes with 10 bits (TF32)
    on CUDA unless it is told so: fewer bits only where a sweep asks for them. EngineError where it is not there.
    """
    torch.backends.cudnn.allow_tf32 = False
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"There is no device {name!r} here; choose cpu, or one that torch sees: {error}") from error
