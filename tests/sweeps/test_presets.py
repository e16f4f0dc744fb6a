"""Presets: all that they propose can be trained."""

from typing import Any, get_args

import pytest

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.space.fitting import check_data
from sweeps.space.parameters import Choices
from sweeps.space.presets import PRESETS, PresetName, preset_space
from sweeps.spec import SweepSpec, first_settings, resolved
from sweeps.states import TrialState
from tests.sweeps.trainable import assert_trainable
from trainer.catalog import DATASETS
from trainer.config import MetricConfig
from trainer.facts import ProblemFacts
from trainer.settings import KINDS, SETTINGS, Setting

SEARCHING: list[PresetName] = [name for name in PRESETS if name != "range-test"]


def spec_of(preset: str, *, facts: ProblemFacts, sampler: str = "random") -> SweepSpec:
    raw: dict[str, Any] = {"problem": {"dataset": facts.name}, "space": preset, "sampler": {"kind": sampler}}
    spec = check_spec(raw)
    spec = resolved(spec, name="n", sampler_seed=3, default_metric=MetricConfig(), num_train=facts.num_train)
    assert check_data(spec, facts=facts) == ()
    return spec


def proposals(spec: SweepSpec, *, num_trials: int) -> list[dict[str, Setting]]:
    """The first settings of a sweep, and what its sampler proposes after them, learning from each at once."""
    scheduler = Scheduler(spec, records=[], study_attrs={})
    fixed = [*first_settings(spec), *[None] * num_trials]
    found = []
    for each in fixed[:num_trials]:
        proposal = scheduler.propose(each)
        assert proposal is not None
        scheduler.tell(proposal.number, state=TrialState.COMPLETED, values={1: float(proposal.number * 37 % 11)})
        found.append(proposal.settings)
    return found


@pytest.mark.parametrize("preset", SEARCHING)
@pytest.mark.parametrize(("sampler", "num_trials"), [("random", 300), ("qmc", 64), ("tpe", 60)])
@pytest.mark.parametrize("num_train", [1078, 9, None])
def test_every_proposal_can_be_trained(preset: str, sampler: str, num_trials: int, num_train: int | None) -> None:
    facts = DATASETS["digits"].model_copy(update={"num_train": num_train})
    for settings in proposals(spec_of(preset, facts=facts, sampler=sampler), num_trials=num_trials):
        typed = assert_trainable(settings)
        assert typed.batch_size == "full" or num_train is None or typed.batch_size <= num_train


@pytest.mark.parametrize("preset", SEARCHING)
@pytest.mark.parametrize("num_train", [1, 65_536, 65_537, 10**9])
def test_presets_suit_data_of_any_size(preset: str, num_train: int) -> None:
    spec_of(preset, facts=DATASETS["digits"].model_copy(update={"num_train": num_train}))


def test_the_names_are_those_that_a_space_takes() -> None:
    assert tuple(PRESETS) == get_args(PresetName)
    assert all(name == preset.name and preset.description and preset.source for name, preset in PRESETS.items())


def test_the_schedules_are_all_there_with_all_that_matters() -> None:
    space = preset_space("sgd-schedules", num_train=1000)
    schedule = space["schedule"]
    assert isinstance(schedule, Choices)
    assert set(schedule.choices) == set(KINDS["schedule"])
    with_parameters = {path.split(".")[1] for path in SETTINGS if path.startswith("schedule.")}
    assert {path.split(".")[1] for path in space if path.startswith("schedule.")} == with_parameters


def test_every_regime_of_batches_is_offered() -> None:
    sizes = preset_space("batch-regimes", num_train=1078)["batch_size"]
    assert isinstance(sizes, Choices)
    assert {1, 256, "full"} <= set(sizes.choices)
    unknown = preset_space("batch-regimes", num_train=None)["batch_size"]
    assert isinstance(unknown, Choices)
    assert "full" not in unknown.choices
