"""What one training is told: the problem, the settings and the assignment. Torch-free."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Setting: TypeAlias = bool | int | float | str
"""One value of one setting, as it travels in JSON."""

Goal: TypeAlias = Literal["minimize", "maximize"]

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]


class Frozen(BaseModel):
    """A value: immutable, no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LinearModel(Frozen):
    """One affine layer."""

    kind: Literal["linear"] = "linear"


class MlpModel(Frozen):
    """Affine layers with ReLU between them; `hidden` holds the widths in units."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(default=(64,), min_length=1, max_length=16)


ModelConfig: TypeAlias = Annotated[LinearModel | MlpModel, Field(discriminator="kind")]


class ProblemConfig(Frozen):
    """What is trained: a data set that ships with Ravine and a built-in model.

    `model` is null where the data set brings its own (`quadratic`) and the default MLP elsewhere.
    """

    dataset: Name
    model: ModelConfig | None = None


class MetricConfig(Frozen):
    """The metric that is searched on, and which way is better."""

    name: Name = "val_accuracy"
    goal: Goal = "maximize"


class Settings(Frozen):
    """The settings of one SGD training; what a space leaves out has the default here.

    `learning_rate` is η0; `lr_decay` is the Keras decay: η_t = η0 / (1 + lr_decay·t) with t counting updates;
    `weight_decay` is λ in d = g + λθ. `batch_size` counts examples; `full` is batch gradient descent.
    """

    learning_rate: float = Field(default=0.01, gt=0, le=1e6)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    dampening: float = Field(default=0.0, ge=0, le=1)
    nesterov: bool = False
    weight_decay: float = Field(default=0.0, ge=0, le=1e6)
    lr_decay: float = Field(default=0.0, ge=0, le=1e6)
    batch_size: Annotated[int, Field(ge=1, le=1_000_000_000)] | Literal["full"] = 32


class CheckpointRef(Frozen):
    """A stored checkpoint: the SHA-256 of its file (hex), the last whole epoch in it and its size in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    epoch: int = Field(ge=0)
    num_bytes: int = Field(ge=0)


class Limits(Frozen):
    """What a worker parent enforces on the child that trains: silence in seconds, resident memory in MiB."""

    hang_seconds: float = Field(default=300, gt=0)
    memory_mb: int | None = Field(default=None, ge=1)


class Assignment(Frozen):
    """One attempt at one trial, as it is handed to an engine.

    `attempt` is unique over the service's life and names the row in every message. `epochs` is the most passes over
    the training data. `rungs` are the epochs at which a PAUSE may be the verdict: the engine can go back to the state
    at the end of any of these. `judged` are the epochs whose verdict may be another than CONTINUE (None: any epoch's);
    what is reported in between is in no hurry. With `checkpoint` the training goes on from there instead of from its
    initialisation.
    """

    attempt: int
    sweep: str
    trial: int
    problem: ProblemConfig
    settings: Settings
    epochs: int = Field(ge=1)
    seed: int = Field(ge=0)
    metric: MetricConfig
    rungs: tuple[int, ...] = ()
    judged: tuple[int, ...] | None = None
    checkpoint: CheckpointRef | None = None
    engine: Literal["serial"] = "serial"
    limits: Limits = Limits()
