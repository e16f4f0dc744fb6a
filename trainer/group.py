"""What trials must share to be stacked: the problem, the model's shape, the size of batches. Torch-free.

A sweep's trials of one group are trained by one engine, whichever worker they are on.
"""

from hashlib import blake2b
from typing import Literal, Protocol, TypeAlias

from trainer.config import LinearModel, MetricConfig, Precision, ProblemConfig
from trainer.frozen import Frozen
from trainer.settings import Settings

EngineName: TypeAlias = Literal["serial", "fused"]

DROPOUT = 0.5


class Grouped(Protocol):
    """What says of itself to which group it belongs: an assignment, a probe."""

    @property
    def problem(self) -> ProblemConfig:
        """What is trained, on which data."""

    @property
    def settings(self) -> Settings:
        """With the batch size and the optimizer."""

    @property
    def metric(self) -> MetricConfig:
        """What is searched on."""

    @property
    def precision(self) -> Precision:
        """That of the forward passes."""


class _Group(Frozen):
    problem: ProblemConfig
    metric: MetricConfig
    optimizer: str
    batch_size: int | Literal["full"]
    precision: Precision


def group_of(problem: ProblemConfig, *, settings: Settings, metric: MetricConfig, precision: Precision) -> str:
    """The group of a trial of this problem (with what its settings say of the model folded in), as 16 hex digits.

    Equal for trials with one problem, model shape, optimizer, batch size and precision. How much a dropout leaves out
    is each trial's own; that there is one is part of the model's shape.
    """
    model = problem.model
    if model is not None and not isinstance(model, LinearModel) and model.dropout:
        problem = problem.model_copy(update={"model": model.model_copy(update={"dropout": DROPOUT})})
    group = _Group(
        problem=problem,
        metric=metric,
        optimizer=settings.optimizer.kind,
        batch_size=settings.batch_size,
        precision=precision,
    )
    unsaid = {"precision"} if precision == "float32" else set()
    return blake2b(group.model_dump_json(exclude=unsaid).encode(), digest_size=8).hexdigest()


def own_group(one: Grouped) -> str:
    """The group of what names all that makes it one."""
    return group_of(one.problem, settings=one.settings, metric=one.metric, precision=one.precision)
