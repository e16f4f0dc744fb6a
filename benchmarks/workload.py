"""What the sides search and train: a network, how long, in batches of which sizes; four settings, TPE."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypedDict

LEARNING_RATE = (1e-4, 1.0)  # on a log scale
MOMENTUM = (0.0, 0.99)
WEIGHT_DECAY = (1e-6, 1e-2)  # on a log scale
MIN_EPOCHS = 1
REDUCTION_FACTOR = 3
NUM_EPOCHS = 20
BATCH_SIZES = (16, 32, 64, 128)
METRIC = "val_accuracy"
NUM_WORKERS = 2  # of one thread each, on every side

DataName: TypeAlias = Literal["digits", "diabetes", "images"]


class SgdSettings(TypedDict):
    """One point of the space."""

    learning_rate: float
    momentum: float
    weight_decay: float
    batch_size: int


@dataclass(frozen=True)
class Work:
    """One piece of work: the same for every side.

    `hidden` are the widths of an MLP, without any it is one affine layer; `channels` are those of a cnn instead.
    `prunes`: successive halving from the first epoch on; else every trial trains to its end. The learning rate is
    searched on a log scale.
    """

    data: DataName = "digits"
    hidden: tuple[int, ...] = (64,)
    channels: tuple[int, ...] = ()
    num_epochs: int = NUM_EPOCHS
    batch_sizes: tuple[int, ...] = BATCH_SIZES
    prunes: bool = True
    learning_rate: tuple[float, float] = LEARNING_RATE
    momentum: tuple[float, float] = MOMENTUM

    @property
    def model(self) -> dict[str, Any]:
        """The model as a sweep names it."""
        if self.channels:
            return {"kind": "cnn", "channels": list(self.channels)}
        return {"kind": "mlp", "hidden": list(self.hidden)} if self.hidden else {"kind": "linear"}


_SOUND = Work(prunes=False, learning_rate=(1e-3, 0.03), momentum=(0.0, 0.9))
"""Where nothing diverges, every trial takes as many steps."""

WORKS: Mapping[str, Work] = MappingProxyType(
    {
        "short": Work(),
        "short, cnn": Work(channels=(8, 16)),
        "long, 64": Work(num_epochs=40, batch_sizes=(16, 32, 64), prunes=False),
        "long, 128-128": Work(hidden=(128, 128), num_epochs=40, batch_sizes=(16, 32, 64), prunes=False),
        "128-128": replace(_SOUND, hidden=(128, 128), batch_sizes=(32, 128, 256)),
        "10-16-1": replace(_SOUND, data="diabetes", hidden=(16,), batch_sizes=(16,)),
        "64-10": replace(_SOUND, hidden=(), batch_sizes=(16,)),
        "1024-1024": replace(_SOUND, hidden=(1024, 1024), batch_sizes=(64,)),
        "cnn": replace(_SOUND, data="images", channels=(16, 32), batch_sizes=(64,)),
    }
)
"""By the names that programs are told."""


@dataclass(frozen=True)
class Asked:
    """How a sweep is asked for: how many trials in flight (auto: as many as the service finds good), which engine."""

    num_trials: int
    seed: int
    parallel: int | Literal["auto"] = "auto"
    engine: Literal["auto", "serial", "fused"] = "auto"


def sweep_spec(*, num_trials: int, seed: int) -> dict[str, Any]:
    """The body of POST /v1/sweeps for short trainings that are pruned."""
    return spec_of(WORKS["short"], asked=Asked(num_trials, seed))


def spec_of(work: Work, *, asked: Asked) -> dict[str, Any]:
    """The body of POST /v1/sweeps. No baseline first, and no weights kept and exported: the peers have neither."""
    halving = {"kind": "asha", "min_epochs": MIN_EPOCHS, "reduction_factor": REDUCTION_FACTOR}
    return {
        "name": f"benchmark-{asked.num_trials}-{asked.seed}",
        "problem": {"dataset": work.data, "model": work.model},
        "space": {
            "learning_rate": {"low": work.learning_rate[0], "high": work.learning_rate[1], "log": True},
            "momentum": {"low": work.momentum[0], "high": work.momentum[1]},
            "weight_decay": {"low": WEIGHT_DECAY[0], "high": WEIGHT_DECAY[1], "log": True},
            "batch_size": {"choices": list(work.batch_sizes)},
        },
        "metric": {"name": METRIC, "goal": "maximize"},
        "sampler": {"kind": "tpe", "seed": asked.seed},
        "pruner": halving if work.prunes else {"kind": "none"},
        "budget": {"trials": asked.num_trials, "epochs": work.num_epochs, "parallel": asked.parallel},
        "engine": asked.engine,
        "first": [],
        "keep": {"weights": 0},
        "seed": asked.seed,
    }
