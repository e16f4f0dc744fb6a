"""The rows as values: what the stores give out. A sentence per record, and per field where its name is not enough."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sweeps.spec import SweepSpec, with_bounds
from sweeps.states import SweepState, TrialState
from trainer.config import CheckpointRef, ProblemConfig
from trainer.facts import ProblemFacts
from trainer.frozen import Frozen
from trainer.settings import Setting
from trainer.task import RangeCurve

TrialKey: TypeAlias = tuple[str, int]
"""(sweep id, trial number)"""


class ModelExport(Frozen):
    """The winner of an ended sweep as a file that runs without Ravine: WAITING for a worker, READY, or FAILED."""

    state: Literal["WAITING", "READY", "FAILED"]
    trial: int
    file: CheckpointRef | None = None
    reason: str | None = None


def bounded(spec: SweepSpec, *, by: RangeCurve) -> SweepSpec:
    """A spec with the bounds that its range test found, where there is a search at all."""
    return spec if spec.only_range_test else with_bounds(spec, low=by.low, high=by.high)


@dataclass(frozen=True)
class Sweep:
    """One search. `budget_trials`, `budget_seconds` hold what `:extend` added, the spec what was asked for first.

    Once there is a `range_test` the spec has its bounds; `export` is the winner as a file, from the sweep's end on.
    """

    id: str
    position: int
    name: str
    state: SweepState
    reason: str | None
    spec: SweepSpec
    budget_trials: int
    budget_seconds: float | None
    seconds_spent: float
    running_since: float | None
    trials_finished: int
    failed_trials: int
    consecutive_failures: int
    best_number: int | None
    best_value: float | None
    study_attrs: dict[str, Any]
    range_test: RangeCurve | None
    export: ModelExport | None
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def awaits_range_test(self) -> bool:
        """Whether nothing can be proposed before the bounds of the learning rate are known."""
        return self.range_test is None and self.spec.needs_range_test

    def seconds_running(self, *, now: float) -> float:
        """Wall time in RUNNING so far, in seconds."""
        return self.seconds_spent + (max(0.0, now - self.running_since) if self.running_since is not None else 0.0)


@dataclass(frozen=True)
class Trial:
    """One training with one set of settings.

    `attempts` counts tries, the one under way included; of these `blamed_attempts` count towards `limits.attempts`
    and `outside_deaths` died with their worker or machine. `seconds` is training time over all ended attempts. `engine`
    is chosen when it is first handed out, for all its attempts.
    """

    sweep_id: str
    number: int
    state: TrialState
    settings: dict[str, Setting]
    value: float | None
    best_epoch: int | None
    seed: int
    num_epochs: int
    attempts: int
    blamed_attempts: int
    outside_deaths: int
    seconds: float
    engine: str | None
    worker: str | None
    reason: str | None
    checkpoint: CheckpointRef | None
    weights: CheckpointRef | None
    attrs: dict[str, Any]
    tell_number: int | None
    started_at: float | None
    ended_at: float | None

    @property
    def key(self) -> TrialKey:
        """Its (sweep id, trial number)."""
        return (self.sweep_id, self.number)


@dataclass(frozen=True)
class Attempt:
    """One try at running a trial. `state` is HELD, PAUSING, STOPPING or ENDED (see stores.attempts)."""

    id: int
    sweep_id: str
    number: int
    worker_id: str
    answer_number: int
    state: str
    started: bool
    seconds: float
    how: str | None
    created_at: float
    ended_at: float | None

    @property
    def key(self) -> TrialKey:
        """The (sweep id, trial number) of its trial."""
        return (self.sweep_id, self.number)


@dataclass(frozen=True)
class Epoch:
    """The metrics of one trial after one epoch; `at` is when it ended."""

    sweep_id: str
    number: int
    epoch: int
    metrics: dict[str, float | None]
    at: float


@dataclass(frozen=True)
class Event:
    """One line of the log that SSE and the recorder follow."""

    id: int
    sweep_id: str
    kind: str
    number: int | None
    epoch: int | None
    state: str | None
    at: float


@dataclass(frozen=True)
class Worker:
    """A worker as it introduced itself. `state` is ALIVE, BENCHED (it gets nothing more) or GONE.

    `problems` are the digests of the plugins that it can train.
    """

    id: str
    executor: str
    host: str
    pid: int
    slots: int
    device: str
    version: str
    token_hash: str
    state: str
    lease_until: float
    request_number: int
    answer: dict[str, Any] | None
    failed_row: tuple[str, ...]
    problems: tuple[str, ...]
    created_at: float
    ended_at: float | None

    def can_train(self, problem: ProblemConfig) -> bool:
        """Data sets always; a plugin where its very content was announced."""
        return problem.plugin is None or problem.digest in self.problems


@dataclass(frozen=True)
class MlflowRun:
    """The MLflow run of a sweep (number -1) or a trial; `run_id` is None while only the intent is stored.

    `model_name` and `model_version` name the registered winner of a sweep.
    """

    sweep_id: str
    number: int
    experiment_id: str | None
    run_id: str | None
    model_name: str | None = None
    model_version: str | None = None


@dataclass(frozen=True)
class Dataset:
    """An uploaded data set under its name; `report` tells what was found in the upload and done to it."""

    name: str
    position: int
    file: CheckpointRef
    facts: ProblemFacts
    report: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class Plugin:
    """A plugin's problem as a worker announced it; `digest` is the hash of its source."""

    digest: str
    name: str
    facts: ProblemFacts
    seen_at: float
