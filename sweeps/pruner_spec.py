"""The pruners that a sweep can name."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from sweeps.space.parameters import Count
from trainer.frozen import Frozen


class AshaPruner(Frozen):
    """Successive halving: at min_epochs · reduction_factor^k epochs only the best 1/reduction_factor go on."""

    kind: Literal["asha"] = "asha"
    min_epochs: Count = 2
    reduction_factor: Annotated[int, Field(strict=True, ge=2, le=100)] = 3


class HyperbandPruner(Frozen):
    """Several successive halvings side by side, each with a later first cut."""

    kind: Literal["hyperband"]
    min_epochs: Count = 1
    reduction_factor: Annotated[int, Field(strict=True, ge=2, le=100)] = 3


class MedianPruner(Frozen):
    """Stops what is worse than the median of the completed trials at the same epoch, after `warmup_epochs` epochs.

    It begins once `startup_trials` trials are completed.
    """

    kind: Literal["median"]
    startup_trials: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 5
    warmup_epochs: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 0


class NoPruner(Frozen):
    """Stops nothing."""

    kind: Literal["none"]


def _pruner_kind(value: Any) -> str | None:
    kind = value.get("kind", "asha") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else None


PrunerSpec: TypeAlias = Annotated[
    Annotated[AshaPruner, Tag("asha")]
    | Annotated[HyperbandPruner, Tag("hyperband")]
    | Annotated[MedianPruner, Tag("median")]
    | Annotated[NoPruner, Tag("none")],
    Discriminator(_pruner_kind),
]
