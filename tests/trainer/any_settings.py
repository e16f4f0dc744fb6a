"""Random settings of every optimizer, schedule and form, for what must hold whatever they are."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from hypothesis import strategies as st

from trainer.kinds import (
    Adam,
    AdamW,
    AnnealOnPlateau,
    Constant,
    ConstantMomentum,
    Cosine,
    Exponential,
    HalveOnSlow,
    InverseTime,
    OneCycle,
    Optimizer,
    Polynomial,
    RampMomentum,
    RmsProp,
    Schedule,
    Sgd,
    Step,
)
from trainer.settings import Settings

BatchSize: TypeAlias = int | str

_EPS = st.sampled_from([1e-8, 1e-3])

OPTIMIZERS: Mapping[str, st.SearchStrategy[Optimizer]] = MappingProxyType(
    {
        "sgd": st.just(Sgd()),
        "adam": st.builds(Adam, beta1=st.sampled_from([0.0, 0.9]), beta2=st.sampled_from([0.9, 0.999]), eps=_EPS),
        "adamw": st.builds(AdamW, beta1=st.sampled_from([0.0, 0.9]), beta2=st.sampled_from([0.9, 0.999]), eps=_EPS),
        "rmsprop": st.builds(
            RmsProp,
            alpha=st.sampled_from([0.5, 0.9, 0.99]),
            eps=_EPS,
            momentum=st.sampled_from([0.0, 0.5, 0.9]),
            centered=st.booleans(),
        ),
    }
)
"""By their kind."""

SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    st.just(Constant()),
    st.builds(InverseTime, b=st.sampled_from([5.0, 100.0])),
    st.builds(HalveOnSlow, threshold=st.sampled_from([0.01, 0.9])),
    st.builds(AnnealOnPlateau, threshold=st.sampled_from([1e-3, 0.9]), patience=st.integers(0, 1)),
    st.builds(Step, epochs=st.integers(1, 2)),
    st.builds(Exponential),
    st.builds(Polynomial, power=st.sampled_from([0.5, 2.0])),
    st.builds(Cosine, final=st.sampled_from([0.0, 0.2])),
    st.builds(OneCycle, pct_start=st.sampled_from([0.2, 0.5])),
)

MOMENTUM_SCHEDULES = st.one_of(
    st.just(ConstantMomentum()),
    st.builds(RampMomentum, epochs=st.integers(1, 2)),
    st.builds(RampMomentum, until=st.just("stable"), threshold=st.sampled_from([0.01, 0.9])),
)


@st.composite
def any_settings(
    draw: st.DrawFn, *, optimizer: str, batch_size: BatchSize, rates: st.SearchStrategy[float]
) -> Settings:
    """Settings of a row of the group of this optimizer and batch size."""
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99])) if optimizer == "sgd" else 0.0
    velocity = draw(st.sampled_from(["pytorch", "classical"])) if optimizer == "sgd" else "pytorch"
    dampening = draw(st.sampled_from([0.0, 0.3])) if velocity == "pytorch" and optimizer == "sgd" else 0.0
    values: dict[str, Any] = {
        "learning_rate": draw(rates),
        "batch_size": batch_size,
        "momentum": momentum,
        "velocity": velocity,
        "dampening": dampening,
        "nesterov": momentum > 0 and dampening == 0 and draw(st.booleans()),
        "momentum_schedule": draw(MOMENTUM_SCHEDULES) if momentum else ConstantMomentum(),
        "weight_decay": draw(st.sampled_from([0.0, 1e-3, 0.1])),
        "gradient_clip_norm": draw(st.sampled_from([0.0, 0.0, 0.1, 5.0])),
        "shuffle": draw(st.sampled_from([True, True, False])),
        "schedule": draw(SCHEDULES),
        "warmup_epochs": draw(st.sampled_from([0.0, 0.0, 0.7])),
        "optimizer": draw(OPTIMIZERS[optimizer]),
    }
    if isinstance(values["schedule"], Constant):
        values["lr_decay"] = draw(st.sampled_from([0.0, 0.01]))
    return Settings(**values)
