"""Metrics that a problem's own code logs while it trains, as means over an epoch."""

import math
from collections.abc import Mapping
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from trainer.catalog import ALWAYS
from trainer.config import Name

Logged: TypeAlias = Mapping[str, tuple[float | None, int]]
"""The sum of what was logged under each name (None once it was not finite) and the number of calls."""

MOST_NAMES = 50
HELD_OUT = "val_"

_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Logging:
    """While entered, log_metric adds to `logged`, which is replaced and never changed in place."""

    def __init__(self, logged: Logged) -> None:
        self.logged = logged

    def __enter__(self) -> "Logging":
        _listening.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _listening.pop()


def means(logged: Logged) -> dict[str, float | None]:
    """The mean under each name, None where it is not finite."""
    return {name: None if total is None else total / count for name, (total, count) in logged.items()}


_listening: list[Logging] = []


def log_metric(name: str, value: float | Tensor) -> None:
    """Log a number from model or loss code: the epoch report carries the mean over the epoch's calls.

    Outside of training (in evaluation, in a program of your own) it does nothing. ValueError for a name that Ravine
    itself reports, or one that is no name of a metric.
    """
    if not _listening:
        return
    listener = _listening[-1]
    if name not in listener.logged:
        _check(name, num_names=len(listener.logged))
    total, count = listener.logged.get(name, (0.0, 0))
    number = float(value.detach() if isinstance(value, Tensor) else value)
    total = total + number if total is not None and math.isfinite(total + number) else None
    listener.logged = {**listener.logged, name: (total, count + 1)}


def _check(name: str, *, num_names: int) -> None:
    if name in ALWAYS or name.startswith(HELD_OUT):
        raise ValueError(
            f"log_metric: {name!r} is reserved: Ravine reports {', '.join(ALWAYS)} and all that begins with {HELD_OUT} "
            "itself; choose another name"
        )
    if num_names == MOST_NAMES:
        raise ValueError(f"log_metric: {name!r} is one name too many; log at most {MOST_NAMES} metrics")
    try:
        _NAME.validate_python(name, strict=True)
    except ValidationError as error:
        raise ValueError(f"log_metric: {name!r} is no name: {error.errors()[0]['msg']}") from error
