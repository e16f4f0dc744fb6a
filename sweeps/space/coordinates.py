"""Coordinates that decouple settings: searched in place of learning rate and momentum, which follow from them."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field

from trainer.frozen import Frozen
from trainer.settings import Setting, Settings

BATCH_OF_SCALE = 256


class Coordinates(Frozen):
    """The coordinates with their domains: whatever they are, the settings that follow are possible."""

    effective_learning_rate: float = Field(
        default=0.1,
        ge=1e-12,
        le=1e6,
        description="learning_rate / (1 - momentum): how far a lasting gradient moves a weight in the end.",
    )
    one_minus_momentum: float = Field(
        default=0.1,
        ge=1e-9,
        le=1,
        description="1 - momentum, best searched on a log scale: 0.1, 0.01 are momentum 0.9, 0.99.",
    )
    batch_scaled_learning_rate: float = Field(
        default=0.08,
        ge=1e-12,
        le=1e6,
        description="learning_rate * 256 / batch_size: the linear scaling rule (Goyal et al. 2017).",
    )


COORDINATES: Mapping[str, str] = MappingProxyType(
    {name: field.description or "" for name, field in Coordinates.model_fields.items()}
)
"""Every coordinate, with one sentence about it."""

SETTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "learning_rate": ("learning_rate", "effective_learning_rate", "batch_scaled_learning_rate"),
        "momentum": ("momentum", "one_minus_momentum"),
    }
)
"""What can set the learning rate and the momentum; a space has at most one of each."""


def derived(settings: Mapping[str, Setting], *, num_train: int | None) -> dict[str, Setting]:
    """The settings with the learning rate and the momentum that their coordinates lead to.

    μ = 1 - one_minus_momentum; η = effective_learning_rate · (1 - μ), where an optimizer without momentum has μ = 0;
    η = batch_scaled_learning_rate · batch / 256 (Goyal et al. 2017, the linear scaling rule), where batch `full` is
    `num_train`, which must be known then.
    """
    followed = dict(settings)
    if (rest := settings.get("one_minus_momentum")) is not None:
        followed["momentum"] = 1.0 - float(rest)
    if (effective := settings.get("effective_learning_rate")) is not None:
        share = float(rest) if rest is not None else 1.0 - float(settings.get("momentum", Settings().momentum))
        followed["learning_rate"] = float(effective) * share
    if (scaled := settings.get("batch_scaled_learning_rate")) is not None:
        batch = settings.get("batch_size", Settings().batch_size)
        size = num_train if batch == "full" else int(batch)
        assert size is not None
        followed["learning_rate"] = float(scaled) * size / BATCH_OF_SCALE
    return followed
