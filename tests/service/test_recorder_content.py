"""What runs are to hold: pure."""

from dataclasses import replace
from typing import Literal

import pytest
import yaml

from service.engine_records import GroupEngine, GroupTraits
from service.recorder.artifacts import spec_text
from service.recorder.content import Origin, Point, sweep_content, trial_content
from service.recorder.note import Standing, note
from service.records import ModelExport
from sweeps.spec import SweepSpec
from sweeps.states import SweepState, TrialState
from tests.service.recorder_story import BEGIN, make_epoch, make_sweep, make_trial
from trainer.task import RangeCurve

ORIGIN = Origin("me", commit="abc")
NOTHING = Standing({}, best=None, baseline=None)


def test_a_trial_that_was_never_begun_has_no_run() -> None:
    assert trial_content(make_sweep(), trial=make_trial(), epochs=[], origin=ORIGIN) is None


def test_a_trial_that_ended_before_it_was_begun_has_one() -> None:
    trial = make_trial(state=TrialState.CANCELLED, ended_at=BEGIN + 5)
    content = trial_content(make_sweep(), trial=trial, epochs=[], origin=ORIGIN)
    assert content is not None
    assert (content.status, content.started_ms, content.ended_ms) == ("KILLED", 1_700_000_005_000, 1_700_000_005_000)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (TrialState.RUNNING, "RUNNING"),
        (TrialState.WAITING, "RUNNING"),
        (TrialState.PAUSED, "RUNNING"),
        (TrialState.COMPLETED, "FINISHED"),
        (TrialState.DIVERGED, "FINISHED"),
        (TrialState.PRUNED, "KILLED"),
        (TrialState.CANCELLED, "KILLED"),
        (TrialState.FAILED, "FAILED"),
    ],
)
def test_status_of_a_trial(state: TrialState, status: str) -> None:
    trial = make_trial(state=state, started_at=BEGIN, ended_at=BEGIN + 1, reason="because")
    content = trial_content(make_sweep(), trial=trial, epochs=[], origin=ORIGIN)
    assert content is not None
    assert content.status == status
    assert (content.ended_ms is None) == (status == "RUNNING")
    assert content.tags["ravine.state"] == state.value
    assert content.tags["ravine.reason"] == "because"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (SweepState.PENDING, "RUNNING"),
        (SweepState.PAUSED, "RUNNING"),
        (SweepState.COMPLETED, "FINISHED"),
        (SweepState.STOPPED, "FINISHED"),
        (SweepState.CANCELLED, "KILLED"),
        (SweepState.FAILED, "FAILED"),
    ],
)
def test_status_of_a_sweep(state: SweepState, status: str) -> None:
    sweep = replace(make_sweep(), state=state)
    assert sweep_content(sweep, standing=NOTHING, improvements=[], origin=ORIGIN).status == status


def test_a_trial_run_says_what_it_is() -> None:
    trial = make_trial(12, state=TrialState.RUNNING, started_at=BEGIN)
    content = trial_content(make_sweep(), trial=trial, epochs=[], origin=ORIGIN)
    assert content is not None
    assert (content.name, content.key) == ("#12", "s1/12")
    assert content.params == {"learning_rate": "0.13", "momentum": "0.9", "batch_size": "32"}
    assert content.tags == {
        "ravine.sweep": "s1",
        "ravine.trial": "s1/12",
        "ravine.number": "12",
        "ravine.seed": "1012",
        "ravine.attempts": "1",
        "ravine.worker": "w1",
        "ravine.engine": "serial",
        "ravine.state": "RUNNING",
        "mlflow.user": "me",
        "mlflow.source.name": "ravine",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": "abc",
    }


def test_a_precision_that_was_chosen_is_a_tag_of_the_sweep_and_of_its_trials() -> None:
    trial = make_trial(1, state=TrialState.RUNNING, started_at=BEGIN)
    for chosen, tag in (({}, None), ({"precision": "bfloat16"}, "bfloat16")):
        sweep = make_sweep(**chosen)
        of_trial = trial_content(sweep, trial=trial, epochs=[], origin=ORIGIN)
        of_sweep = sweep_content(sweep, standing=NOTHING, improvements=[], origin=ORIGIN)
        assert of_trial is not None
        assert of_trial.tags.get("ravine.precision") == of_sweep.tags.get("ravine.precision") == tag


def test_the_baseline_is_named_where_the_sweep_has_one() -> None:
    trial = make_trial(1, state=TrialState.RUNNING, started_at=BEGIN)
    with_one = make_sweep(first=[{"momentum": 0.5}, "baseline"])
    named = trial_content(with_one, trial=trial, epochs=[], origin=ORIGIN)
    plain = trial_content(make_sweep(first=[]), trial=trial, epochs=[], origin=ORIGIN)
    assert named is not None
    assert plain is not None
    assert (named.name, plain.name) == ("#1 baseline", "#1")


def test_points_are_the_finite_metrics_with_the_time_of_their_epoch() -> None:
    trial = make_trial(state=TrialState.RUNNING, started_at=BEGIN, value=0.52, best_epoch=2)
    content = trial_content(
        make_sweep(), trial=trial, epochs=[make_epoch(0, epoch=1), make_epoch(0, epoch=2)], origin=ORIGIN
    )
    assert content is not None
    assert Point("val_accuracy", 0.51, at_ms=1_700_000_000_001, step=1) in content.points
    assert Point("value", 0.52, at_ms=1_700_000_000_002, step=2) in content.points
    assert Point("best_epoch", 2.0, at_ms=1_700_000_000_002, step=2) in content.points
    assert [point.step for point in content.points if point.key == "grad_norm"] == [2]
    assert len(content.points) == 6 + 7 + 2


def test_a_parent_holds_what_was_asked_for() -> None:
    content = sweep_content(make_sweep(), standing=NOTHING, improvements=[], origin=Origin("me", commit=None))
    assert content.params["problem.dataset"] == "digits"
    assert content.params["pruner.kind"] == "asha"
    assert content.params["budget.trials"] == "40"
    assert "budget.seconds" not in content.params
    assert "mlflow.source.git.commit" not in content.tags
    assert content.points == ()


def test_a_parent_that_has_ended_holds_the_answer() -> None:
    best = make_trial(3, value=0.9, best_epoch=7, tell_number=5, ended_at=BEGIN + 3)
    baseline = make_trial(0, value=0.8, best_epoch=2)
    sweep = replace(make_sweep(), state=SweepState.COMPLETED, ended_at=BEGIN + 9, best_number=3)
    standing = Standing({TrialState.COMPLETED: 2, TrialState.PRUNED: 38}, best=best, baseline=baseline)
    content = sweep_content(sweep, standing=standing, improvements=[best], origin=ORIGIN)
    assert set(content.points) == {
        Point("best_value", 0.9, at_ms=1_700_000_003_000, step=5),
        Point("value", 0.9, at_ms=1_700_000_003_000, step=5),
        Point("baseline_value", 0.8, at_ms=1_700_000_009_000, step=0),
        Point("trials_completed", 2.0, at_ms=1_700_000_009_000, step=0),
        Point("trials_pruned", 38.0, at_ms=1_700_000_009_000, step=0),
    }
    assert content.tags["ravine.best_trial"] == "3"
    assert content.tags["ravine.best_settings"] == '{"learning_rate": 0.04, "momentum": 0.9, "batch_size": 32}'


def test_the_note_is_the_answer() -> None:
    best = make_trial(3, value=0.9, best_epoch=7)
    sweep = replace(make_sweep(), state=SweepState.COMPLETED)
    standing = Standing({TrialState.COMPLETED: 2, TrialState.PRUNED: 38}, best=best, baseline=make_trial(0, value=0.8))
    text = note(sweep, standing=standing)
    assert text.startswith("### Best: val_accuracy = 0.9 (trial #3, epoch 7)")
    assert "0.1 better than the baseline (0.8, trial #0)." in text
    assert "| `learning_rate` | 0.04 | 0.01 |" in text
    assert text.endswith("40 trials in the budget: 2 completed, 38 pruned.")


def test_the_note_of_a_minimized_loss_counts_down() -> None:
    sweep = make_sweep(metric={"name": "val_loss"})
    standing = Standing({}, best=make_trial(1, value=0.3, best_epoch=1), baseline=make_trial(0, value=0.2))
    assert "0.1 worse than the baseline" in note(sweep, standing=standing)


def test_the_note_says_how_to_use_the_winner_once_there_is_one() -> None:
    sweep = replace(make_sweep(), state=SweepState.COMPLETED)
    assert "load_model" not in note(sweep, standing=NOTHING)
    exported = replace(sweep, export=ModelExport(state="READY", trial=0))
    assert note(exported, standing=NOTHING).endswith('`mlflow.pyfunc.load_model("models:/digits-s1@champion")`')


def test_a_note_without_an_answer_says_how_it_stands() -> None:
    sweep = replace(make_sweep(), state=SweepState.FAILED, reason="20 trials failed")
    text = note(sweep, standing=NOTHING)
    assert (
        text
        == "### Failed: maximize val_accuracy\n\n40 trials in the budget: none was begun.\n\nReason: 20 trials failed"
    )


def test_the_note_says_what_a_range_test_found() -> None:
    curve = RangeCurve(rates=[1e-3, 0.1], losses=[2.0, None], first_loss=2.3, num_updates=50, low=1e-3, high=0.1)
    found = "Range test: search `learning_rate` from 0.001 to 0.1; its curve: range_test.html"
    assert found in note(replace(make_sweep(), range_test=curve), standing=NOTHING)
    only = replace(make_sweep(space="range-test"), state=SweepState.COMPLETED, range_test=curve)
    assert note(only, standing=NOTHING) == f"### Completed: learning-rate range test\n\n{found}"


def test_the_spec_can_be_posted_again() -> None:
    sweep = make_sweep(space={"learning_rate": {"low": 1e-4, "high": 1.0, "log": True}})
    assert SweepSpec.model_validate(yaml.safe_load(spec_text(sweep))) == sweep.spec


def test_the_engines_of_a_sweep_are_tags() -> None:
    standing = replace(NOTHING, engines=[engine("fused", gain=9.876, batch_size=16), engine("serial", gain=1.1)])
    tags = sweep_content(make_sweep(), standing=standing, improvements=[], origin=ORIGIN).tags
    assert tags["ravine.engine_gain"] == "9.88"
    first, second = yaml.safe_load(tags["ravine.engines"])
    assert (first["engine"], first["width"], first["batch_size"], first["gain"]) == ("fused", 8, 16, 9.876)
    assert (second["engine"], second["reason"], second["optimizer"]) == ("serial", None, "sgd")
    none = sweep_content(make_sweep(), standing=NOTHING, improvements=[], origin=ORIGIN).tags
    assert not {"ravine.engines", "ravine.engine_gain"} & set(none)


def test_a_serial_trial_says_why() -> None:
    trial = make_trial(state=TrialState.RUNNING, started_at=BEGIN)
    content = trial_content(make_sweep(), trial=trial, epochs=[], origin=ORIGIN, why_serial="too large")
    assert content is not None
    assert (content.tags["ravine.engine"], content.tags["ravine.engine_reason"]) == ("serial", "too large")


def engine(name: Literal["serial", "fused"], *, gain: float, batch_size: int = 32) -> GroupEngine:
    traits = GroupTraits(batch_size=batch_size, optimizer="sgd")
    return GroupEngine("s1", f"{batch_size}", name, 8, 9.0, 1.0, gain, None, traits, BEGIN)
