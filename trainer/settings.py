"""The settings of one training: DESIGN's SGD of the documents, each with its domain. Torch-free.

A setting is named by its path everywhere: `learning_rate`, `schedule`, `schedule.inverse_time.b`. `settings_of` makes
the typed form out of paths and values.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

Setting: TypeAlias = bool | int | float | str
"""One value of one setting, as it travels in JSON."""


class Frozen(BaseModel):
    """A value: immutable, no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Factor: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Share: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Threshold: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
Epochs: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]


class Constant(Frozen):
    """The learning rate stays as it is, but for lr_decay."""

    kind: Literal["constant"] = "constant"


class InverseTime(Frozen):
    """η_t = a / (b + t) with a = η0·b: the same curve as lr_decay = 1/b."""

    kind: Literal["inverse_time"] = "inverse_time"
    b: float = Field(default=1000.0, gt=0, le=1e12, description="Updates after which the learning rate is half.")


class HalveOnSlow(Frozen):
    """Constant at first; halved after each epoch in which the training loss improved too little."""

    kind: Literal["halve_on_slow"] = "halve_on_slow"
    threshold: Threshold = Field(
        default=0.01, description="The least improvement of the training loss from one epoch to the next, relative."
    )


class AnnealOnPlateau(Frozen):
    """Multiplied by a factor once the held-out loss has stopped improving (PyTorch's ReduceLROnPlateau)."""

    kind: Literal["anneal_on_plateau"] = "anneal_on_plateau"
    factor: Factor = Field(default=0.1, description="What the learning rate is multiplied by.")
    threshold: Threshold = Field(
        default=1e-3, description="The least improvement of the held-out loss on its best so far, relative."
    )
    patience: int = Field(default=1, ge=0, le=1_000_000, description="Epochs without improvement that are forgiven.")


class Step(Frozen):
    """Multiplied by gamma every few epochs (StepLR)."""

    kind: Literal["step"] = "step"
    epochs: Epochs = Field(default=10, description="Epochs from one drop to the next.")
    gamma: Factor = Field(default=0.1, description="What the learning rate is multiplied by at each drop.")


class Exponential(Frozen):
    """Multiplied by gamma after every epoch (ExponentialLR)."""

    kind: Literal["exponential"] = "exponential"
    gamma: Factor = Field(default=0.95, description="What the learning rate is multiplied by after each epoch.")


class Polynomial(Frozen):
    """(1 - t/T)^power over the T updates of the whole training (PolynomialLR)."""

    kind: Literal["polynomial"] = "polynomial"
    power: float = Field(default=1.0, gt=0, le=100, description="The exponent; 1 falls in a straight line.")


class Cosine(Frozen):
    """Half a cosine from 1 down to `final` over the T updates of the whole training (CosineAnnealingLR)."""

    kind: Literal["cosine"] = "cosine"
    final: Share = Field(default=0.0, description="The learning rate at the end, as a share of the first.")


class OneCycle(Frozen):
    """Up from 1/div_factor to 1 and down to 1/(div_factor·final_div_factor), both by cosine (OneCycleLR)."""

    kind: Literal["one_cycle"] = "one_cycle"
    pct_start: Factor = Field(default=0.3, description="The share of all updates in which the learning rate rises.")
    div_factor: float = Field(default=25.0, ge=1, le=1e6, description="learning_rate over the first rate.")
    final_div_factor: float = Field(default=1e4, ge=1, le=1e12, description="The first rate over the last.")


Schedule: TypeAlias = Annotated[
    Constant | InverseTime | HalveOnSlow | AnnealOnPlateau | Step | Exponential | Polynomial | Cosine | OneCycle,
    Field(discriminator="kind"),
]


class ConstantMomentum(Frozen):
    """The momentum stays as it is."""

    kind: Literal["constant"] = "constant"


class RampMomentum(Frozen):
    """`start` until the initial learning has stabilised, then `momentum`."""

    kind: Literal["ramp"] = "ramp"
    start: Share = Field(default=0.5, description="The momentum at first.")
    until: Literal["epoch", "stable"] = Field(
        default="epoch", description="epoch: after `epochs` epochs; stable: once the training loss has stabilised."
    )
    epochs: Epochs = Field(default=5, description="until epoch: how many epochs the first momentum lasts.")
    threshold: Threshold = Field(
        default=0.05, description="until stable: an improvement of the training loss below it, relative, is stable."
    )


MomentumSchedule: TypeAlias = Annotated[ConstantMomentum | RampMomentum, Field(discriminator="kind")]


class Sgd(Frozen):
    """Stochastic gradient descent; momentum, dampening, nesterov, velocity and momentum_schedule are its settings."""

    kind: Literal["sgd"] = "sgd"


class Adam(Frozen):
    """Adam (Kingma & Ba 2015), with weight_decay added to the gradient."""

    kind: Literal["adam"] = "adam"
    beta1: Share = Field(default=0.9, description="The decay of the mean of the gradient.")
    beta2: Share = Field(default=0.999, description="The decay of the mean of its square.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")


class AdamW(Frozen):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    beta1: Share = Field(default=0.9, description="The decay of the mean of the gradient.")
    beta2: Share = Field(default=0.999, description="The decay of the mean of its square.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")


class RmsProp(Frozen):
    """RMSprop (Tieleman & Hinton 2012) in PyTorch's form."""

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: Share = Field(default=0.99, description="The decay of the mean of the squared gradient.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")
    momentum: Share = Field(default=0.0, description="The share of the velocity that survives an update.")
    centered: bool = Field(default=False, description="Divide by the deviation instead of the root mean square.")


Optimizer: TypeAlias = Annotated[Sgd | Adam | AdamW | RmsProp, Field(discriminator="kind")]


class Settings(Frozen):
    """The settings of one training; what a space leaves out has the default here.

    `t` counts updates, η_t = learning_rate · warm-up(t) · schedule(t, epoch).
    """

    learning_rate: float = Field(
        default=0.01, gt=0, le=1e6, description="The learning rate η0 that warm-up and schedule multiply, above 0."
    )
    momentum: float = Field(
        default=0.0, ge=0, lt=1, description="The share of the velocity that survives an update, from 0 to below 1."
    )
    momentum_schedule: MomentumSchedule = Field(
        default=ConstantMomentum(), description="How the momentum runs: constant, or ramp (low first, then momentum)."
    )
    dampening: float = Field(
        default=0.0, ge=0, le=1, description="The share of the gradient that does not enter the velocity, from 0 to 1."
    )
    nesterov: bool = Field(
        default=False, description="Look ahead along the velocity before stepping; needs momentum above 0."
    )
    velocity: Literal["pytorch", "classical"] = Field(
        default="pytorch",
        description="pytorch: v = μv + (1-τ)d, θ -= ηv. classical: v = μv + ηd, θ -= v, without dampening.",
    )
    weight_decay: float = Field(
        default=0.0, ge=0, le=1e6, description="The pull of every weight towards 0, added to the gradient."
    )
    lr_decay: float = Field(
        default=0.0, ge=0, le=1e6, description="The learning rate of update t is learning_rate / (1 + lr_decay * t)."
    )
    batch_size: Annotated[int, Field(ge=1, le=1_000_000_000)] | Literal["full"] = Field(
        default=32, description="Examples per update: an integer, 1 for one at a time, or full for all of them."
    )
    schedule: Schedule = Field(default=Constant(), description="How the learning rate runs over the training.")
    warmup_epochs: float = Field(
        default=0.0, ge=0, le=1e6, description="Epochs over which the learning rate rises in a straight line; 0: none."
    )
    warmup_start: float = Field(
        default=0.01, gt=0, le=1, description="Where the warm-up begins, as a share of the learning rate."
    )
    shuffle: bool = Field(default=True, description="New random order each epoch; false: the order of the data.")
    gradient_clip_norm: float = Field(
        default=0.0, ge=0, le=1e12, description="The longest gradient (2-norm over all weights) that is used; 0: any."
    )
    early_stopping_patience: int = Field(
        default=0, ge=0, le=1_000_000, description="Epochs without a better metric after which a trial ends; 0: never."
    )
    early_stopping_min_delta: float = Field(
        default=0.0, ge=0, le=1e12, description="How much better the metric must be to count as better."
    )
    optimizer: Optimizer = Field(default=Sgd(), description="The rule of the update: sgd, adam, adamw or rmsprop.")


SGD_ONLY = ("momentum", "momentum_schedule", "dampening", "nesterov", "velocity")
"""Settings (and all below them) that only `optimizer: sgd` has."""


def _kinds_of(union: Any) -> dict[str, type[Frozen]]:
    return {one.model_fields["kind"].default: one for one in get_args(get_args(union)[0])}


KINDS: Mapping[str, Mapping[str, type[Frozen]]] = MappingProxyType(
    {
        "schedule": _kinds_of(Schedule),
        "momentum_schedule": _kinds_of(MomentumSchedule),
        "optimizer": _kinds_of(Optimizer),
    }
)
"""The settings that choose a kind, with the model of each kind; its fields are settings `<setting>.<kind>.<field>`."""


def parameters_of(kind: type[Frozen]) -> tuple[str, ...]:
    """The fields of a kind besides its name."""
    return tuple(name for name in kind.model_fields if name != "kind")


def _described() -> Iterator[tuple[str, str]]:
    for name, field in Settings.model_fields.items():
        yield name, field.description or ""
        for kind, model in KINDS.get(name, {}).items():
            for parameter in parameters_of(model):
                yield f"{name}.{kind}.{parameter}", model.model_fields[parameter].description or ""


SETTINGS: Mapping[str, str] = MappingProxyType(dict(_described()))
"""Every setting by its path, with one sentence about it."""


def typed_field(path: str) -> tuple[type[Frozen], str]:
    """The model and the field in it that a path of SETTINGS names; `schedule` itself is (Settings, "schedule")."""
    parts = path.split(".")
    return (Settings, path) if len(parts) == 1 else (KINDS[parts[0]][parts[1]], parts[2])


def settings_of(values: Mapping[str, Setting]) -> Settings:
    """The settings that these paths and values stand for; pydantic's ValidationError where a value is impossible.

    A parameter of a kind that was not chosen is refused (KeyError is never raised: its path must be in SETTINGS).
    """
    raw: dict[str, Any] = {}
    for path, value in values.items():
        name, _, rest = path.partition(".")
        if name in KINDS and not rest:
            raw.setdefault(name, {})["kind"] = value
        elif name in KINDS:
            kind, _, parameter = rest.partition(".")
            chosen = values.get(name, Settings.model_fields[name].default.kind)
            raw.setdefault(name, {"kind": chosen})[parameter if kind == chosen else rest] = value
        else:
            raw[path] = value
    return Settings.model_validate(raw)


def paths_of(settings: Settings) -> dict[str, Setting]:
    """The settings by path, each with its value: what `settings_of` was made from, and the defaults."""
    values: dict[str, Setting] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name not in KINDS:
            values[name] = value
            continue
        values[name] = value.kind
        values |= {
            f"{name}.{value.kind}.{parameter}": getattr(value, parameter) for parameter in parameters_of(type(value))
        }
    return values
