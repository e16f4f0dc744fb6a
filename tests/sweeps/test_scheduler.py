"""The state machine: numbers, verdicts once given, the last epoch, and what a rebuild remembers."""

from dataclasses import replace
from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.records import TrialRecord
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec, resolved
from sweeps.states import TrialState
from sweeps.wrong import InvalidSpec
from trainer.config import MetricConfig
from trainer.report import Verdict


def spec_of(**fields: Any) -> SweepSpec:
    raw = {"problem": {"dataset": "digits"}, "metric": {"name": "val_loss"}, "budget": {"epochs": 6}} | fields
    return resolved(check_spec(raw), name="n", sampler_seed=5, default_metric=MetricConfig(), num_train=1000)


ASHA = {"kind": "asha", "min_epochs": 2, "reduction_factor": 2}


def record(number: int, state: TrialState, values: list[float | None]) -> TrialRecord:
    settings = spec_of().search_space.nearest({})
    told = None if state in (TrialState.RUNNING, TrialState.PAUSED, TrialState.WAITING) else number
    return TrialRecord(number, state, settings, dict(enumerate(values, start=1)), tell_number=told)


class PauseAtThree:
    """A pruner of the kind that is yet to come: every trial pauses after epoch 3, and is promoted in turn."""

    def __init__(self) -> None:
        self.paused: list[int] = []

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        del value
        if epoch != 3:
            return Verdict.CONTINUE
        self.paused.append(number)
        return Verdict.PAUSE

    def remember(self, record: TrialRecord) -> None:
        if record.state is TrialState.PAUSED:
            self.paused.append(record.number)

    def end(self, number: int, *, state: TrialState) -> None:
        del number, state

    def promote(self) -> int | None:
        return self.paused.pop(0) if self.paused else None

    def rungs(self) -> tuple[int, ...]:
        return (3,)

    def judged(self, *, num_epochs: int) -> tuple[int, ...]:
        del num_epochs
        return (3,)


def test_trials_are_numbered_from_the_records_on() -> None:
    records = [record(number, TrialState.COMPLETED, [1.0]) for number in range(3)]
    scheduler = Scheduler(spec_of(), records=records, study_attrs={})
    numbers = [proposal.number for _ in range(3) if (proposal := scheduler.propose()) is not None]
    assert numbers == [3, 4, 5]
    assert scheduler.tell(4, state=TrialState.COMPLETED, values={1: 0.5}).tell_number == 3


def test_fixed_settings_must_lie_in_the_space() -> None:
    scheduler = Scheduler(spec_of(), records=[], study_attrs={})
    with pytest.raises(InvalidSpec, match=r"settings\.momentum"):
        scheduler.propose({"momentum": 3})
    proposal = scheduler.propose({"momentum": 0.5})
    assert proposal is not None
    assert (proposal.number, proposal.settings["momentum"]) == (0, 0.5)


def test_a_grid_ends() -> None:
    spec = spec_of(space={"momentum": {"choices": [0.0, 0.9]}, "learning_rate": 0.1}, sampler={"kind": "grid"})
    scheduler = Scheduler(spec, records=[], study_attrs={})
    proposals = [scheduler.propose() for _ in range(3)]
    assert [proposal and proposal.settings["momentum"] for proposal in proposals[2:]] == [None]
    assert {proposal.settings["momentum"] for proposal in proposals if proposal} == {0.0, 0.9}


def test_an_epoch_that_was_judged_keeps_its_verdict() -> None:
    scheduler = Scheduler(spec_of(pruner=ASHA), records=[], study_attrs={})
    for number in range(2):
        scheduler.propose()
        scheduler.report(number, epoch=1, value=1.0 + number)
    assert scheduler.report(0, epoch=2, value=1.0) is Verdict.CONTINUE
    assert scheduler.report(1, epoch=2, value=2.0) is Verdict.STOP
    assert scheduler.report(1, epoch=2, value=0.0) is Verdict.STOP
    assert scheduler.report(1, epoch=1, value=0.0) is Verdict.CONTINUE
    assert scheduler.report(1, epoch=3, value=0.0) is Verdict.STOP
    assert scheduler.report(0, epoch=2, value=9.0) is Verdict.CONTINUE


def test_judged_epochs_keep_their_verdicts_across_a_rebuild() -> None:
    records = [
        record(0, TrialState.RUNNING, [1.0, 1.0]),
        record(1, TrialState.PRUNED, [2.0, 2.0]),
        record(2, TrialState.RUNNING, [0.5]),
    ]
    scheduler = Scheduler(spec_of(pruner=ASHA), records=records, study_attrs={})
    assert scheduler.report(0, epoch=2, value=1.0) is Verdict.CONTINUE
    assert scheduler.report(1, epoch=2, value=2.0) is Verdict.STOP
    assert scheduler.report(2, epoch=2, value=1.5) is Verdict.STOP


def test_what_reached_its_last_epoch_is_never_stopped() -> None:
    spec = spec_of(pruner={"kind": "asha", "min_epochs": 6, "reduction_factor": 2})
    scheduler = Scheduler(spec, records=[record(0, TrialState.COMPLETED, [0.1] * 6)], study_attrs={})
    scheduler.propose()
    assert scheduler.report(1, epoch=6, value=9.0) is Verdict.CONTINUE


def test_paused_trials_are_promoted_and_go_on() -> None:
    scheduler = Scheduler(spec_of(), records=[], study_attrs={}, pruner=PauseAtThree())
    assert scheduler.rungs() == (3,)
    scheduler.propose()
    assert scheduler.report(0, epoch=3, value=1.0) is Verdict.PAUSE
    assert scheduler.report(0, epoch=3, value=1.0) is Verdict.PAUSE
    assert scheduler.promote() == 0
    assert scheduler.report(0, epoch=3, value=1.0) is Verdict.CONTINUE
    assert scheduler.report(0, epoch=4, value=1.0) is Verdict.CONTINUE
    assert scheduler.promote() is None


def test_paused_trials_are_remembered() -> None:
    paused = record(0, TrialState.PAUSED, [3.0, 2.0, 1.0])
    scheduler = Scheduler(spec_of(), records=[paused], study_attrs={}, pruner=PauseAtThree())
    assert scheduler.report(0, epoch=3, value=1.0) is Verdict.PAUSE
    assert scheduler.promote() == 0


def test_a_diverged_trial_teaches_and_a_cancelled_one_does_not() -> None:
    spec = spec_of(sampler={"kind": "tpe"})
    ends = [TrialState.COMPLETED] * 12
    told = [record(number, state, [1.0 + number % 5]) for number, state in enumerate(ends)]

    def next_settings(last: TrialRecord) -> dict[str, Any]:
        scheduler = Scheduler(spec, records=[*told, last], study_attrs={})
        proposal = scheduler.propose()
        assert proposal is not None
        return proposal.settings

    cancelled = record(12, TrialState.CANCELLED, [0.5])
    failed = replace(cancelled, state=TrialState.FAILED)
    diverged = replace(cancelled, state=TrialState.DIVERGED, settings=cancelled.settings | {"momentum": 0.9})
    assert next_settings(cancelled) == next_settings(failed)
    assert next_settings(diverged) != next_settings(failed)
