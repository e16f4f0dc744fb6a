"""Short tasks of a worker besides trials: predict, export a winner, test rates, probe the engines. Torch-free."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from trainer.config import CheckpointRef, MetricConfig, Precision, ProblemConfig
from trainer.frozen import Frozen
from trainer.group import EngineName
from trainer.report import Text
from trainer.settings import Setting, Settings


class Predict(Frozen):
    """Outputs of a trained model for rows that a user sent.

    A row is an object of column names and cells (tables), or a list of numbers in the shape of one example.
    """

    kind: Literal["predict"] = "predict"
    problem: ProblemConfig
    weights: CheckpointRef
    rows: list[dict[str, Any] | list[Any]] = Field(max_length=100_000)


class Export(Frozen):
    """A trained model as one file that runs without Ravine."""

    kind: Literal["export"] = "export"
    problem: ProblemConfig
    weights: CheckpointRef


class RangeTest(Frozen):
    """Brief trainings from the same first weights at `num_rates` learning rates from `low` to `high` (log scale)."""

    kind: Literal["range_test"] = "range_test"
    problem: ProblemConfig
    settings: Settings
    seed: int
    low: float = 1e-6
    high: float = 10.0
    num_rates: int = 29
    num_updates: int = 50


class Probe(Frozen):
    """A group of trials, to be trained for a moment by both engines: which one is to train them?

    `settings` are those of one of its trials; a stack has at most `most_rows`, and the process `memory_mb` MiB of
    resident memory, where its sweep limits it.
    """

    kind: Literal["probe"] = "probe"
    problem: ProblemConfig
    settings: Settings
    metric: MetricConfig
    precision: Precision = "float32"
    seed: int
    most_rows: int = Field(ge=1)
    memory_mb: int | None = None


TaskBody: TypeAlias = Annotated[Predict | Export | RangeTest | Probe, Field(discriminator="kind")]


class Task(Frozen):
    """One task, as it is handed to a worker. `id` is unique over the life of a coordinator."""

    id: int
    body: TaskBody


class Prediction(Frozen):
    """What a model says of rows.

    `predictions` are class names, numbers, or lists of raw outputs; `probabilities` hold one number per class of
    `classes` and row, None where nothing is classified.
    """

    kind: Literal["predict"] = "predict"
    predictions: list[Any]
    probabilities: list[list[float]] | None = None
    classes: list[str | int | float | bool] | None = None


class Exported(Frozen):
    """The stored file: a program by torch.export with its preprocessing, signature and an example."""

    kind: Literal["export"] = "export"
    file: CheckpointRef


class RangeCurve(Frozen):
    """The loss after the brief training at each rate (None: not finite), the loss before it, the bounds proposed.

    `settings` are those at which it was tested, by path.
    """

    kind: Literal["range_test"] = "range_test"
    rates: list[float]
    losses: list[float | None]
    first_loss: float
    num_updates: int
    settings: dict[str, Setting] = Field(default_factory=dict)
    low: float = Field(gt=0)
    high: float = Field(gt=0)

    @model_validator(mode="after")
    def _is_a_curve(self) -> "RangeCurve":
        if len(self.rates) != len(self.losses) or not self.low < self.high:
            raise ValueError("there is a loss to each rate, and low lies below high")
        return self


class Probed(Frozen):
    """The engine of a group: `fused`, in stacks of `width` rows, where that was faster by enough.

    `serial_us` and `fused_us` are the medians of the time of one update of one row, in microseconds, and `gain` is the
    one over the other; all None where the group cannot be stacked. `reason` says why the engine is `serial`, or why the
    stacks are no wider where memory ran out in wider ones.
    """

    kind: Literal["probe"] = "probe"
    engine: EngineName
    width: int = Field(default=1, ge=1)
    serial_us: float | None = None
    fused_us: float | None = None
    gain: float | None = None
    reason: Text | None = None


TaskValue: TypeAlias = Annotated[Prediction | Exported | RangeCurve | Probed, Field(discriminator="kind")]


class TaskResult(Frozen):
    """How a task ended: its value, or why there is none. `fault`: what the user sent is wrong, not the world."""

    task: int
    value: TaskValue | None = None
    error: Text | None = None
    fault: bool = False
