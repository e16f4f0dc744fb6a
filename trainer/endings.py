"""How an attempt left its slot, as its source is told."""

import traceback

import torch

from trainer.config import Assignment, CheckpointRef
from trainer.errors import StackingError
from trainer.own.discovery import blamed_line
from trainer.report import Ending
from trainer.training import Training

_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")
_OF_THE_DEVICE = ("CUDA error", "CUBLAS_STATUS", "cuDNN error")


def diverged(training: Training, *, reason: str) -> Ending:
    """The loss was not finite or exploded."""
    attempt = training.assignment.attempt
    return Ending(attempt=attempt, state="DIVERGED", reason=reason, seconds=training.seconds)


def paused(training: Training, *, epoch: int, checkpoint: CheckpointRef | None) -> Ending:
    """As the verdict on this epoch asked."""
    return Ending(
        attempt=training.assignment.attempt,
        state="PAUSED",
        reason=f"paused after epoch {epoch}",
        seconds=training.seconds,
        checkpoint=checkpoint,
    )


def failed(assignment: Assignment, *, error: Exception, seconds: float) -> Ending:
    """The training raised; of a plugin's code the line is named."""
    reason = f"{type(error).__name__}: {error}"
    line = blamed_line(error, name=assignment.problem.name) if assignment.problem.plugin is not None else None
    return Ending(
        attempt=assignment.attempt,
        state="FAILED",
        reason=reason if line is None else f"{reason} ({line})",
        seconds=seconds,
        traceback="".join(traceback.format_exception(error)),
        fault=isinstance(error, StackingError),
    )


def is_of_the_device(error: Exception) -> bool:
    """Whether what failed is a device, and no fault of the model's: memory, or a driver's error."""
    return is_out_of_memory(error) or any(words in str(error) for words in _OF_THE_DEVICE)


def is_out_of_memory(error: Exception) -> bool:
    """Whether the device's memory, or the machine's, was not enough."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
