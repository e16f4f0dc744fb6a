"""The one public verb of the trainer."""

from trainer.checkpoint import CheckpointStore
from trainer.device import device_named
from trainer.errors import EngineError
from trainer.keeping import Keeping
from trainer.loop import EngineLoop
from trainer.pauses import AS_A_SERVICE, Pauses
from trainer.source import Source
from trainer.stacks import Stacks


def train(
    source: Source, *, slots: int, device: str, checkpoints: CheckpointStore, pauses: Pauses = AS_A_SERVICE
) -> None:
    """Train what the source hands out, at most `slots` trials at a time, until it is exhausted or draining.

    EngineError where the device is not there or there is no slot. Trials that fail or diverge are told to the source;
    what the source itself raises ends the engine. When the source drains, the rows in training get a checkpoint, and
    best weights whose answer has not come are let go.
    """
    if slots < 1:
        raise EngineError(f"An engine with {slots} slots trains nothing; start it with at least 1")
    loop = EngineLoop(
        source,
        slots=slots,
        stacks=Stacks(device_named(device), ahead_seconds=pauses.ahead_seconds, beat=lambda: source.beat(num_steps=0)),
        keeping=Keeping(source, checkpoints=checkpoints),
        pauses=pauses,
    )
    loop.run()
