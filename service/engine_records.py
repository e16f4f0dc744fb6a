"""Which engine trains which trials of a sweep, as a value: what the store of engines gives out."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from trainer.config import ModelConfig
from trainer.frozen import Frozen
from trainer.group import EngineName
from trainer.settings import Setting


class GroupTraits(Frozen):
    """What the trials of a group have in common; `settings` are a plugin's own."""

    batch_size: int | Literal["full"]
    optimizer: str
    model: ModelConfig | None = None
    settings: dict[str, Setting] = Field(default_factory=dict)


@dataclass(frozen=True)
class GroupEngine:
    """The engine of a group of a sweep, as a probe found it (see trainer.task.Probed); serial where that failed."""

    sweep_id: str
    group_id: str
    engine: EngineName
    width: int
    serial_us: float | None
    fused_us: float | None
    gain: float | None
    reason: str | None
    traits: GroupTraits
    decided_at: float
