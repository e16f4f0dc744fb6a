"""What one training is told: the problem, the settings and the assignment. Torch-free."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from trainer.frozen import Frozen
from trainer.settings import Setting, Settings

Goal: TypeAlias = Literal["minimize", "maximize"]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Width: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=8192)]
Activation: TypeAlias = Literal["relu", "tanh", "gelu", "silu"]
Dropout: TypeAlias = Annotated[float, Field(strict=True, ge=0, lt=1)]
Precision: TypeAlias = Literal["float32", "bfloat16"]


class LinearModel(Frozen):
    """One affine layer."""

    kind: Literal["linear"] = "linear"


class MlpModel(Frozen):
    """Affine layers with an activation (and dropout) after each but the last; `hidden` holds the widths in units."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Width, ...] = Field(default=(64,), min_length=1, max_length=16)
    activation: Activation = "relu"
    dropout: Dropout = 0.0


class CnnModel(Frozen):
    """Stages of 3x3 convolution, GroupNorm, activation and 2x2 pooling; `channels` holds their widths."""

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Width, ...] = Field(default=(16, 32), min_length=1, max_length=8)
    activation: Activation = "relu"
    dropout: Dropout = 0.0


class ResnetModel(Frozen):
    """Stages of residual blocks (two 3x3 convolutions with GroupNorm); each stage but the first halves the image."""

    kind: Literal["resnet"] = "resnet"
    channels: tuple[Width, ...] = Field(default=(16, 32), min_length=1, max_length=8)
    blocks: int = Field(default=1, strict=True, ge=1, le=16)
    activation: Activation = "relu"
    dropout: Dropout = 0.0


ModelConfig: TypeAlias = Annotated[LinearModel | MlpModel | CnnModel | ResnetModel, Field(discriminator="kind")]


class ProblemConfig(Frozen):
    """What is trained: a data set (one that ships with Ravine, or an uploaded one) and a built-in model, or a plugin.

    `model` is null where the data set brings its own (`quadratic`) or a plugin is named, and the default MLP elsewhere.
    `digest` pins the content of an uploaded data set or of a plugin's source; it is filled in when a sweep is accepted.
    `settings` are a plugin's own, by name. `metrics` are reported besides the losses, the task's own score and the
    metric that is searched on.
    """

    dataset: Name | None = None
    plugin: Name | None = None
    model: ModelConfig | None = None
    digest: Sha256 | None = None
    settings: dict[Name, Setting] = Field(default_factory=dict, max_length=50)
    metrics: tuple[Name, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _one_of_both(self) -> "ProblemConfig":
        if (self.dataset is None) == (self.plugin is None):
            raise ValueError("name a dataset or a plugin, one of both")
        return self

    @property
    def name(self) -> str:
        """The data set's or the plugin's."""
        return self.dataset or self.plugin or ""


class MetricConfig(Frozen):
    """The metric that is searched on, and which way is better."""

    name: Name = "val_accuracy"
    goal: Goal = "maximize"


FILE_TEXT = "ravine"
"""The metadata entry in which our safetensors files (checkpoints, weights, data, exports) hold their JSON text."""


class CheckpointRef(Frozen):
    """A stored file: the SHA-256 of its content (hex), the last whole epoch in it and its size in bytes."""

    sha256: Sha256
    epoch: int = Field(ge=0)
    num_bytes: int = Field(ge=0)


class Limits(Frozen):
    """What a worker parent enforces on the child that trains: silence in seconds, resident memory in MiB."""

    hang_seconds: float = Field(default=300, gt=0)
    memory_mb: int | None = Field(default=None, ge=1)


class Assignment(Frozen):
    """One attempt at one trial, as it is handed to an engine.

    `attempt` is unique over the service's life and names the row in every message. `problem` is this trial's: what the
    space says of the model and of a plugin's own settings is folded into it. `epochs` is the most passes over the
    training data. `rungs` are the epochs at which a PAUSE may be the verdict: the engine can go back to the state at
    the end of any of these. `judged` are the epochs whose verdict may be another than CONTINUE (None: any epoch's);
    what is reported in between is in no hurry. With `checkpoint` the training goes on from there instead of from its
    initialisation. `engine` trains it and no other; `width` is the most rows of a fused stack. `precision` is that of
    the forward passes. `alone`: it died before, by itself or together with others, and is in training with nothing
    beside it.
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
    engine: Literal["serial", "fused"] = "serial"
    width: int = Field(default=1, ge=1)
    precision: Precision = "float32"
    alone: bool = False
    limits: Limits = Limits()
