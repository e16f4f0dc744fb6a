"""Devices by name."""

import torch

from trainer.errors import EngineError


def device_named(name: str) -> torch.device:
    """The device, with its number where there are several: data are kept by device, `cuda` and `cuda:0` are one.

    What is computed on it in float32 is float32 from now on. Torch computes convolutions on CUDA, and in some images
    products, with 10 bits (TF32) unless it is told not to: fewer bits only where a sweep asks for them.
    EngineError where it is not there.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"There is no device {name!r} here; choose cpu, or one that torch sees: {error}") from error
