"""TPE over conditions and over ranges of very many steps."""

import random
from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec, resolved
from sweeps.states import TrialState
from trainer.config import MetricConfig


def spec_of(space: dict[str, Any]) -> SweepSpec:
    raw = {"problem": {"dataset": "digits"}, "space": space, "sampler": {"kind": "tpe"}, "metric": {"name": "val_loss"}}
    return resolved(check_spec(raw), name="n", sampler_seed=3, default_metric=MetricConfig(), num_train=1078)


def searched(spec: SweepSpec, *, loss: Any, num_trials: int) -> list[dict[str, Any]]:
    scheduler = Scheduler(spec, records=[], study_attrs={})
    found = []
    for number in range(num_trials):
        proposal = scheduler.propose({"optimizer": "adam"} if number == 40 and "optimizer" in spec.space else None)
        assert proposal is not None
        found.append(proposal.settings)
        scheduler.tell(number, state=TrialState.COMPLETED, values={1: loss(proposal.settings)})
    return found


@pytest.mark.parametrize(("extra", "fewest"), [({"log": True}, 6), ({}, 15), ({"step": 3}, 15)])
def test_a_range_of_many_steps_is_searched_and_kept_to(extra: dict[str, Any], fewest: int) -> None:
    sizes = {"low": 1, "high": 511, "integer": True} | extra
    spec = spec_of({"batch_size": sizes, "learning_rate": 0.1})
    found = [
        settings["batch_size"] for settings in searched(spec, loss=lambda s: abs(s["batch_size"] - 300), num_trials=60)
    ]
    assert all(type(size) is int and 1 <= size <= 511 and (size - 1) % extra.get("step", 1) == 0 for size in found)
    assert sum(abs(size - 300) < 40 for size in found[30:]) > fewest


def test_what_hangs_on_a_choice_is_learnt_together() -> None:
    spec = spec_of(
        {
            "optimizer": {"choices": ["sgd", {"kind": "adam", "beta1": {"low": 0.5, "high": 0.99}}]},
            "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
            "momentum": {"low": 0.0, "high": 0.99},
            "gradient_clip_norm": {"low": 0.0, "high": 5.0, "step": 0.01},
        }
    )
    dice = random.Random(1)

    def loss(settings: dict[str, Any]) -> float:
        best: float = settings.get("momentum", 0.0) if settings["optimizer"] == "sgd" else 0.0
        return float(abs(best - 0.8) + abs(settings["gradient_clip_norm"] - 2.0) / 5 + 0.01 * dice.random())

    found = searched(spec, loss=loss, num_trials=80)
    assert found[40]["optimizer"] == "adam"
    for settings in found:
        assert ("momentum" in settings) == (settings["optimizer"] == "sgd")
        assert ("optimizer.adam.beta1" in settings) == (settings["optimizer"] == "adam")
        steps = settings["gradient_clip_norm"] / 0.01
        assert steps == pytest.approx(round(steps), abs=1e-8)
    late = [settings["momentum"] for settings in found[50:] if "momentum" in settings]
    assert len(late) > 20
    assert sum(abs(momentum - 0.8) < 0.15 for momentum in late) > len(late) * 0.7
