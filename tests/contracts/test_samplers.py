"""Every sampler: a search rebuilt from its records goes on as if nothing had happened."""

import json
import math
import random
from dataclasses import asdict, replace
from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.records import Proposal, TrialRecord
from sweeps.scheduler import Scheduler
from sweeps.space.parameters import Choices, Range
from sweeps.spec import MetricSpec, SamplerSpec, SweepSpec, resolved
from sweeps.states import FINAL_TRIAL_STATES, TrialState
from trainer.config import MetricConfig, ProblemConfig
from trainer.report import Verdict
from trainer.settings import Setting

EPOCHS = 9
DISCRETE: dict[str, Any] = {
    "momentum": Range(low=0.0, high=0.95, step=0.1),
    "batch_size": Range(low=1, high=40, integer=True, step=3),
    "nesterov": Choices(choices=(True, False)),
    "dampening": Choices(choices=(0.0, 0.5), when={"nesterov": (False,)}),
    "lr_decay": 1e-4,
}
MIXED = DISCRETE | {
    "learning_rate": Range(low=1e-4, high=10.0, log=True),
    "weight_decay": Range(low=0.0, high=1e-2),
    "batch_size": Range(low=1, high=512, integer=True, log=True),
    "dampening": Range(low=0.0, high=1.0, when={"nesterov": (False,)}),
}
SAMPLERS = ["tpe", "random", "qmc", "grid", "cmaes"]
COORDINATES: dict[str, Any] = {
    "effective_learning_rate": {"low": 1e-3, "high": 10.0, "log": True},
    "one_minus_momentum": {"choices": [0.5, 0.1, 0.01]},
    "optimizer": {"choices": ["sgd", {"kind": "adam", "beta1": {"choices": [0.8, 0.9]}, "eps": 1e-8}]},
    "schedule": {"choices": ["constant", {"kind": "step", "epochs": {"low": 1, "high": 5, "integer": True}}]},
    "batch_size": 32,
}
STEPPED = COORDINATES | {"effective_learning_rate": {"low": 0.5, "high": 5.0, "step": 0.5}}


def spec_for(kind: str, *, epochs: int = EPOCHS) -> SweepSpec:
    spec = SweepSpec(
        problem=ProblemConfig(dataset="digits"),
        space=DISCRETE if kind == "grid" else MIXED,
        metric=MetricSpec(name="val_loss", goal="minimize"),
        sampler=SamplerSpec(kind=kind, seed=7),
    )
    return spec.model_copy(update={"budget": spec.budget.model_copy(update={"epochs": epochs})})


def coordinates_for(kind: str) -> SweepSpec:
    raw = {
        "problem": {"dataset": "digits"},
        "space": STEPPED if kind == "grid" else COORDINATES,
        "metric": {"name": "val_loss"},
        "sampler": {"kind": kind, "seed": 7},
        "budget": {"epochs": EPOCHS},
    }
    return resolved(check_spec(raw), name="n", sampler_seed=1, default_metric=MetricConfig(), num_train=1078)


def loss(settings: dict[str, Any], epoch: int) -> float | None:
    """A curve that falls towards a best point, and diverges where the learning rate is high."""
    rate = settings.get("learning_rate", 0.01)
    if rate > 1 and epoch > 1:
        return None
    momentum = settings.get("momentum", 0.0)
    distance = (math.log10(rate) + 1.5) ** 2 + (momentum - 0.8) ** 2 + math.log(settings["batch_size"]) / 9
    return float(distance + settings.get("dampening", 0.0) + 3.0 / epoch)


class Sweep:
    """A whole sweep without service or trainer: the records as a service would keep them, and who trains."""

    def __init__(self, spec: SweepSpec, *, seed: int) -> None:
        self.fixed: dict[str, Setting] = {"momentum": 0.5}
        if "one_minus_momentum" in spec.search_space.parameters:
            self.fixed = {"one_minus_momentum": 0.5, "optimizer": "sgd"}
        self.spec = spec
        self.records: list[TrialRecord] = []
        self.study_attrs: dict[str, Any] = {}
        self.log: list[Any] = []
        self.rng = random.Random(seed)
        self.scheduler = Scheduler(spec, records=(), study_attrs={})

    def restart(self) -> "Sweep":
        """The same sweep after a restart: all that is left went through JSON, in no particular order."""
        stored = json.loads(json.dumps([[asdict(record) for record in self.records], self.study_attrs]))
        twin = Sweep(self.spec, seed=0)
        for row in stored[0]:
            values = {int(epoch): value for epoch, value in row["values"].items()}
            twin.records.append(TrialRecord(**row | {"values": values, "state": TrialState(row["state"])}))
        twin.study_attrs = stored[1]
        twin.rng.setstate(self.rng.getstate())
        twin.scheduler = Scheduler(self.spec, records=reversed(twin.records), study_attrs=twin.study_attrs)
        return twin

    def go_on(self, *, num_trials: int, in_flight: int = 8) -> None:
        """Proposes until there are `num_trials`, training epochs of random trials while `in_flight` are under way."""
        while len(self.records) < num_trials:
            running = [record for record in self.records if record.state not in FINAL_TRIAL_STATES]
            if len(running) < in_flight:
                self.take(self.scheduler.propose(self.fixed if len(self.records) in (3, num_trials - 2) else None))
            else:
                self.train_epoch(self.rng.choice(running))

    def take(self, proposal: Proposal | None) -> None:
        self.log.append(proposal)
        assert proposal is not None
        self.study_attrs = proposal.study_attrs
        record = TrialRecord(proposal.number, TrialState.WAITING, proposal.settings, attrs=proposal.attrs)
        self.records.append(record)

    def train_epoch(self, record: TrialRecord) -> None:
        epoch = len(record.values) + 1
        value = loss(record.settings, epoch)
        running = replace(record, state=TrialState.RUNNING, values=record.values | {epoch: value})
        self.records[record.number] = running
        verdict = self.scheduler.report(record.number, epoch=epoch, value=value)
        self.log.append((record.number, epoch, verdict))
        if record.number % 11 == 5:
            self.end(running, TrialState.FAILED)
        elif record.number % 13 == 6:
            self.end(running, TrialState.CANCELLED)
        elif value is None:
            self.end(running, TrialState.DIVERGED)
        elif verdict is Verdict.STOP:
            self.end(running, TrialState.PRUNED)
        elif epoch == self.spec.budget.epochs:
            self.end(running, TrialState.COMPLETED)

    def end(self, record: TrialRecord, state: TrialState) -> None:
        told = self.scheduler.tell(record.number, state=state, values=record.values)
        self.log.append(told)
        self.study_attrs = told.study_attrs
        self.records[record.number] = replace(record, state=state, attrs=told.attrs, tell_number=told.tell_number)


def gone_on_twice(spec: SweepSpec) -> tuple[Sweep, Sweep]:
    """A search after 65 trials, and one that was rebuilt from its records after 45; the logs begin there."""
    sweep = Sweep(spec, seed=1)
    sweep.go_on(num_trials=45)
    twin = sweep.restart()
    sweep.log.clear()
    sweep.go_on(num_trials=65)
    twin.go_on(num_trials=65)
    return sweep, twin


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_rebuilt_search_goes_on_as_if_nothing_had_happened(kind: str) -> None:
    sweep, twin = gone_on_twice(spec_for(kind))
    assert sum(isinstance(entry, Proposal) for entry in twin.log) == 20
    assert twin.log == sweep.log


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_search_in_coordinates_is_rebuilt_from_the_settings_that_they_led_to_too(kind: str) -> None:
    sweep, twin = gone_on_twice(coordinates_for(kind))
    assert twin.log == sweep.log
    assert {str(record.settings["optimizer"]) for record in sweep.records} == {"sgd", "adam"}
    for settings in (record.settings for record in sweep.records):
        share = float(settings["one_minus_momentum"]) if settings["optimizer"] == "sgd" else 1.0
        assert settings["learning_rate"] == float(settings["effective_learning_rate"]) * share
        assert settings.get("momentum", 0.0) == 1.0 - share
        assert ("optimizer.adam.beta1" in settings) == (settings["optimizer"] == "adam")
        assert ("schedule.step.epochs" in settings) == (settings["schedule"] == "step")


@pytest.mark.parametrize("kind", SAMPLERS)
def test_proposals_without_news_between_them_are_the_same_too(kind: str) -> None:
    sweep = Sweep(spec_for(kind), seed=2)
    sweep.go_on(num_trials=45)
    twin = sweep.restart()
    assert [twin.scheduler.propose() for _ in range(20)] == [sweep.scheduler.propose() for _ in range(20)]


def test_all_states_took_part() -> None:
    sweep = Sweep(spec_for("tpe"), seed=1)
    sweep.go_on(num_trials=45)
    assert {record.state for record in sweep.records} == set(TrialState) - {TrialState.PAUSED}


@pytest.mark.parametrize("kind", SAMPLERS)
def test_every_proposal_lies_in_the_space(kind: str) -> None:
    spec = spec_for(kind)
    sweep = Sweep(spec, seed=3)
    sweep.go_on(num_trials=60)
    for record in sweep.records:
        assert spec.search_space.faults(record.settings, field="settings") == []
        assert set(record.settings) == {name for name in spec.search_space.parameters if name != "dampening"} | (
            set() if record.settings["nesterov"] else {"dampening"}
        )
        assert all(type(value) in (bool, int, float, str) for value in record.settings.values())
    assert sweep.records[3].settings["momentum"] == 0.5


@pytest.mark.parametrize("kind", ["tpe", "random", "qmc", "cmaes"])
def test_no_settings_come_twice(kind: str) -> None:
    sweep = Sweep(spec_for(kind), seed=4)
    sweep.go_on(num_trials=100)
    assert len({json.dumps(record.settings, sort_keys=True) for record in sweep.records}) == 100


def test_another_seed_is_another_search() -> None:
    first, other = (
        Scheduler(
            spec.model_copy(update={"sampler": SamplerSpec(kind="random", seed=seed)}), records=(), study_attrs={}
        )
        for spec, seed in ((spec_for("random"), 1), (spec_for("random"), 2))
    )
    proposals = zip([first.propose() for _ in range(5)], [other.propose() for _ in range(5)], strict=True)
    assert all(one != two for one, two in proposals)


def test_tpe_is_the_same_across_the_window_that_it_sees() -> None:
    spec = spec_for("tpe", epochs=1)
    sweep = Sweep(spec, seed=5)
    rng = random.Random(6)
    for number in range(1240):
        settings: dict[str, Setting] = {
            "learning_rate": 10 ** rng.uniform(-4, 0),
            "weight_decay": rng.uniform(0, 1e-2),
            "lr_decay": 1e-4,
        }
        settings |= {"momentum": rng.randrange(10) / 10, "batch_size": rng.randint(1, 512), "nesterov": True}
        state = rng.choice([TrialState.COMPLETED, TrialState.PRUNED, TrialState.FAILED])
        values = {1: loss(settings, 1)}
        sweep.records.append(TrialRecord(number, state, settings, values, {}, tell_number=number))
    live = sweep.restart()
    live.go_on(num_trials=1262)
    assert 1250 < sum(record.tell_number is not None for record in live.records) < 1260
    twin = live.restart()
    live.log.clear()
    live.go_on(num_trials=1272)
    twin.go_on(num_trials=1272)
    assert twin.log == live.log
