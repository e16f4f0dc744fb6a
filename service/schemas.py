"""What the API answers and, where the spec does not say it, what it is asked: the shapes that clients rely on."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from sweeps.space.parameters import Scalar
from sweeps.spec import SweepSpec
from sweeps.states import SweepState, TrialState
from trainer.config import ModelConfig
from trainer.group import EngineName
from trainer.settings import Setting
from trainer.task import RangeCurve

Item = TypeVar("Item")

Time = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
]


class Answer(BaseModel):
    """An answer of the API: clients must expect new fields."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[Item]):
    """A page of a list; `next_page_token` is null on the last one."""

    items: list[Item]
    next_page_token: str | None


class BestSoFar(Answer):
    """The best COMPLETED trial up to now."""

    number: int
    value: float
    settings: dict[str, Setting]


class ValidatedAnswer(Answer):
    """A body that passed its check: the spec as it would run, and what to think over."""

    spec: SweepSpec
    warnings: list[str]


class BudgetState(Answer):
    """What may be spent and what was: trials (those in a final state) and wall seconds in RUNNING."""

    trials: int
    trials_finished: int
    seconds: float | None
    seconds_spent: float


class MlflowModel(Answer):
    """The registered winner; `uri` is what MLflow loads it by."""

    name: str
    version: str
    uri: str


class MlflowState(Answer):
    """Where the sweep is in MLflow; null until the recorder has been there. `pending` counts events not yet copied.

    `url` is the page of the sweep, `trials_url` the table of all trials of the experiment. `model` comes last: when
    the sweep has ended and its winner was exported.
    """

    experiment_id: str | None
    run_id: str | None
    url: str | None
    trials_url: str | None = None
    model: MlflowModel | None = None
    pending: int


class ExportState(Answer):
    """The winner of an ended sweep as a model that runs without Ravine: WAITING for a worker, READY, or FAILED."""

    state: Literal["WAITING", "READY", "FAILED"]
    trial: int
    reason: str | None


class EngineAnswer(Answer):
    """The engine of a group of trials: those of one batch size, optimizer and model (`settings`: a plugin's own).

    `serial_us` and `fused_us`: what an update of one trial took, in microseconds; `gain` is the one over the other.
    `width`: how many trials are stacked at most. `reason`: why it is serial, or no wider where memory ran out.
    """

    group: str
    engine: EngineName
    width: int
    gain: float | None
    serial_us: float | None
    fused_us: float | None
    reason: str | None
    batch_size: int | Literal["full"]
    optimizer: str
    model: ModelConfig | None
    settings: dict[str, Setting]


class SweepAnswer(Answer):
    """One sweep; `warnings` are what to think over. `engines`: of the groups of which `engine: auto` knows it now."""

    id: str
    name: str
    state: SweepState
    reason: str | None
    warnings: list[str] = []
    spec: SweepSpec
    trial_counts: dict[TrialState, int]
    best: BestSoFar | None
    budget: BudgetState
    mlflow: MlflowState
    export: ExportState | None = None
    engines: list[EngineAnswer] = []
    range_test: RangeCurve | None = None
    created_at: Time
    started_at: Time | None
    ended_at: Time | None


class TrialAnswer(Answer):
    """One trial; `value` is the metric at its best finite epoch so far.

    `engine_reason`: why it is trained serial, where `engine: auto` decided so.
    """

    number: int
    state: TrialState
    settings: dict[str, Setting]
    value: float | None
    best_epoch: int | None
    seed: int
    num_epochs: int
    attempts: int
    engine: str | None
    engine_reason: str | None = None
    worker: str | None
    mlflow_run_id: str | None
    reason: str | None
    started_at: Time | None
    ended_at: Time | None


class EpochAnswer(Answer):
    """The metrics of a trial after one epoch; a metric that is not finite is null."""

    epoch: int
    metrics: dict[str, float | None]
    at: Time


class BaselineAnswer(Answer):
    """How the baseline did."""

    trial: int
    value: float | None


class BestAnswer(Answer):
    """The answer of a sweep: the best settings, their value, and how far they are ahead of the baseline.

    `difference` is value minus the baseline's value; null when there is no baseline with a value.
    """

    trial: int
    settings: dict[str, Setting]
    value: float
    baseline: BaselineAnswer | None
    difference: float | None
    warnings: list[str]


class EventAnswer(Answer):
    """One line of the sweep's story. `data` holds the state, the metrics or the value that it is about."""

    id: int
    kind: Literal["sweep.state", "sweep.export", "trial.state", "epoch", "best"]
    trial: int | None
    epoch: int | None
    at: Time
    data: dict[str, Any]


class Extension(BaseModel):
    """What `:extend` adds."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [{"trials": 10}]}
    )

    trials: int = Field(default=0, strict=True, ge=0, le=1_000_000)
    seconds: float = Field(default=0, strict=True, ge=0, le=1e9)


class TrialRequest(BaseModel):
    """Settings to try next; what is missing is sampled."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"settings": {"learning_rate": 0.1}}]},
    )

    settings: dict[Annotated[str, Field(max_length=100)], Scalar] = Field(max_length=100)


class ProblemFieldError(Answer):
    """One field that is wrong: its path, what is wrong, and how to mend it."""

    field: str
    message: str
    mend: str


class ProblemDetails(Answer):
    """An error, after RFC 9457 (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemFieldError]


class Health(Answer):
    """The state of the service itself."""

    status: Literal["ok"]


def at(seconds: float) -> datetime:
    """The moment that lies `seconds` after 1970 began (UTC)."""
    return datetime.fromtimestamp(seconds, UTC)
