from typing import Any

import pytest

from trainer.conflicts import check_conflicts
from trainer.kinds import Adam, Cosine, InverseTime, RampMomentum, RmsProp
from trainer.settings import Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(nesterov=True), "nesterov: it needs momentum"),
        (Settings(nesterov=True, momentum=0.9, dampening=0.1), "nesterov: it goes with no dampening"),
        (Settings(momentum_schedule=RampMomentum()), "momentum_schedule: the ramp leads up to momentum, which is 0"),
        (Settings(dampening=0.1, velocity="classical"), "dampening: the classical velocity has none"),
        (Settings(lr_decay=0.1, schedule=Cosine()), "lr_decay: it is for the schedule constant, not cosine; leave"),
        (Settings(lr_decay=0.1, schedule=InverseTime()), "lr_decay: it is for the schedule constant, not inverse_time"),
        (Settings(optimizer=Adam(), momentum=0.9), "momentum: only the optimizer sgd has it, not adam; leave it out"),
        (Settings(optimizer=RmsProp(), momentum=0.9), "momentum: .* set optimizer.rmsprop.momentum instead"),
        (Settings(optimizer=Adam(), momentum_schedule=RampMomentum()), "momentum_schedule: only"),
        (Settings(optimizer=Adam(), nesterov=True), "nesterov: only"),
        (Settings(optimizer=Adam(), velocity="classical"), "velocity: only"),
        (Settings(optimizer=Adam(), dampening=0.5), "dampening: only"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        check_conflicts(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr_decay": 0.1},
        {"nesterov": True, "momentum": 0.9, "velocity": "classical"},
        {"momentum": 0.9, "dampening": 0.5},
        {"optimizer": {"kind": "adamw"}, "weight_decay": 0.1, "schedule": {"kind": "cosine"}, "gradient_clip_norm": 1},
    ],
)
def test_settings_that_agree_are_taken(settings: dict[str, Any]) -> None:
    check_conflicts(Settings.model_validate(settings))
