"""The settings of one training: DESIGN's SGD of the documents, each with its domain. Torch-free.

A setting is named by its path everywhere: `learning_rate`, `schedule`, `schedule.inverse_time.b`. `settings_of` makes
the typed form out of paths and values.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field

from trainer.frozen import Frozen
from trainer.kinds import Constant, ConstantMomentum, MomentumSchedule, Optimizer, Schedule, Sgd

Setting: TypeAlias = bool | int | float | str
"""One value of one setting, as it travels in JSON."""


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


def _default(path: str) -> Setting:
    model, field = typed_field(path)
    default = model.model_fields[field].default
    value: Setting = default.kind if path in KINDS else default
    return value


DEFAULTS: Mapping[str, Setting] = MappingProxyType({path: _default(path) for path in SETTINGS})
"""What every setting is, by its path, where nothing is said of it."""


def settings_of(values: Mapping[str, Setting]) -> Settings:
    """The settings that these paths and values stand for; pydantic's ValidationError where a value is impossible.

    A parameter of a kind that was not chosen is refused (KeyError is never raised: its path must be in SETTINGS).
    """
    return Settings.model_validate(nested(values))


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path in the shape of Settings, unchecked; what has that shape already stays as it is."""
    raw: dict[str, Any] = {}
    for path, value in values.items():
        name, _, rest = path.partition(".")
        if name not in KINDS or isinstance(value, Mapping):
            raw[path] = dict(value) if isinstance(value, Mapping) else value
        elif not rest:
            raw.setdefault(name, {})["kind"] = value
        else:
            kind, _, parameter = rest.partition(".")
            chosen = values.get(name, Settings.model_fields[name].default.kind)
            raw.setdefault(name, {"kind": chosen})[parameter if kind == chosen else rest] = value
    return raw


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
