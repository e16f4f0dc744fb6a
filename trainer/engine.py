"""The one public verb of the trainer."""

from trainer.checkpoint import CheckpointStore
from trainer.device import device_named
from trainer.errors import EngineError
from trainer.serial import SerialEngine
from trainer.source import Source


def train(
    source: Source, *, slots: int, device: str, checkpoints: CheckpointStore, checkpoint_seconds: float = 30.0
) -> None:
    """Train what the source hands out, until it is exhausted or draining.

    EngineError where the device is not there or `slots` is more than the serial engine's one. Trials that fail or
    diverge are told to the source; what the source itself raises ends the engine. When the source drains, the row in
    training gets a checkpoint, and best weights whose answer has not come are let go.
    """
    if slots != 1:
        raise EngineError(f"The serial engine has one slot, not {slots}; start it with 1")
    engine = SerialEngine(
        source, device=device_named(device), checkpoints=checkpoints, checkpoint_seconds=checkpoint_seconds
    )
    engine.run()
