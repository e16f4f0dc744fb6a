"""The contract on settings: what remembers something goes on bit-equal, and early stopping ends a trial."""

import pytest

from tests.contracts.engines import RunEngine, uninterrupted
from tests.trainer.assignments import RAVINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from trainer.config import Assignment, CheckpointRef
from trainer.report import EpochReport, Verdict
from trainer.settings import KINDS, Setting

Values = dict[str, Setting]

REMEMBERING: dict[str, Values] = {
    "sgd": {"momentum": 0.9, "dampening": 0.3, "weight_decay": 1e-3},
    "nesterov, classical": {"momentum": 0.9, "nesterov": True, "velocity": "classical", "lr_decay": 0.01},
    "clipped": {"momentum": 0.9, "gradient_clip_norm": 0.5},
    "in order": {"momentum": 0.9, "shuffle": False},
    "adam": {"optimizer": "adam", "weight_decay": 1e-3},
    "adamw": {"optimizer": "adamw", "weight_decay": 1e-3},
    "rmsprop": {"optimizer": "rmsprop", "optimizer.rmsprop.momentum": 0.5, "optimizer.rmsprop.centered": True},
    "warm-up": {"warmup_epochs": 2.5, "schedule": "step", "schedule.step.epochs": 2},
    "ramp by epoch": {"momentum": 0.9, "momentum_schedule": "ramp", "momentum_schedule.ramp.epochs": 2},
    "ramp until stable": {
        "momentum": 0.9,
        "momentum_schedule": "ramp",
        "momentum_schedule.ramp.until": "stable",
        "momentum_schedule.ramp.threshold": 0.4,
    },
    "early stopping": {"early_stopping_patience": 2, "early_stopping_min_delta": 0.05},
    **{f"schedule {kind}": {"schedule": kind} for kind in KINDS["schedule"]},
    "schedule halve_on_slow": {"schedule": "halve_on_slow", "schedule.halve_on_slow.threshold": 0.9},
    "schedule anneal_on_plateau": {
        "schedule": "anneal_on_plateau",
        "schedule.anneal_on_plateau.threshold": 0.5,
        "schedule.anneal_on_plateau.patience": 0,
    },
}


def _assigned(values: Values, *, checkpoint: CheckpointRef | None = None, epochs: int = 5) -> Assignment:
    return assignment({"learning_rate": 0.02, **values}, epochs=epochs, checkpoint=checkpoint)


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_training_drained_again_and_again_ends_bit_equal(run_engine: RunEngine, name: str) -> None:
    values = REMEMBERING[name]
    whole = uninterrupted(run_engine, _assigned(values))
    reports: list[EpochReport] = []
    checkpoint: CheckpointRef | None = None
    while not (reports and reports[-1].last):
        source = ScriptedSource([_assigned(values, checkpoint=checkpoint)], judge=keep_weights, drain_at=4)
        run_engine(source)
        reports += source.reports()
        checkpoint = source.notes()[-1].checkpoint if source.notes() else None
    assert numbers(reports) == numbers(whole.reports())
    assert source.kept() == whole.kept()


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("schedule halve_on_slow", "learning_rate"),
        ("schedule anneal_on_plateau", "learning_rate"),
        ("ramp until stable", "momentum"),
    ],
)
def test_a_schedule_that_listens_changes_its_mind_on_the_way(run_engine: RunEngine, name: str, metric: str) -> None:
    source = uninterrupted(run_engine, _assigned(REMEMBERING[name]))
    heard = [report.metrics[metric] for report in source.reports()]
    assert len(set(heard)) > 1
    assert heard[0] == heard[1] or name == "schedule anneal_on_plateau"


def test_the_reported_pace_is_that_of_the_last_update(run_engine: RunEngine) -> None:
    values: Values = {
        "learning_rate": 1.0,
        "momentum": 0.9,
        "momentum_schedule": "ramp",
        "momentum_schedule.ramp.epochs": 1,
        "schedule": "polynomial",
    }
    source = uninterrupted(run_engine, assignment(values, epochs=2))
    paces = [(report.metrics["learning_rate"], report.metrics["momentum"]) for report in source.reports()]
    assert paces == [(1 - 3 / 8, 0.5), (1 - 7 / 8, 0.9)]


STANDING: Values = {"learning_rate": 1e-6, "early_stopping_patience": 3, "early_stopping_min_delta": 0.5}
"""Nothing gets better by so much: the first epoch is the best, and three more are forgiven."""


def test_early_stopping_makes_a_report_the_last(run_engine: RunEngine) -> None:
    source = ScriptedSource(
        [assignment(STANDING, epochs=50), assignment(attempt=2, epochs=1)], judge=keep_weights, lag_polls=3
    )
    run_engine(source)
    assert [(report.epoch, report.last) for report in source.reports()] == [
        (1, False),
        (2, False),
        (3, False),
        (4, True),
    ]
    assert source.endings() == []
    assert [note.attempt for note in source.kept()] == [1, 2]


def test_early_stopping_never_outlasts_the_epochs(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment(STANDING, epochs=4)])
    run_engine(source)
    assert [report.last for report in source.reports()] == [False, False, False, True]


def test_early_stopping_lets_go_on_what_gets_better(run_engine: RunEngine) -> None:
    better: Values = {"learning_rate": 0.005, "batch_size": "full", "early_stopping_patience": 1}
    source = ScriptedSource([assignment(better, problem=RAVINE, epochs=12)])
    run_engine(source)
    assert [report.last for report in source.reports()] == [False] * 11 + [True]


def test_a_pause_may_arrive_after_early_stopping(run_engine: RunEngine) -> None:
    """The trial goes back to its rung, goes on from there, and stops as early as before."""
    first = ScriptedSource(
        [assignment(STANDING, epochs=50, rungs=(2, 6))], judge=verdict_at(2, Verdict.PAUSE), lag_polls=30
    )
    run_engine(first)
    assert first.reports()[-1].last
    [ending] = first.endings()
    assert ending.state == "PAUSED"
    assert ending.checkpoint is not None
    assert ending.checkpoint.epoch == 2
    assert first.kept() == []
    second = ScriptedSource(
        [assignment(STANDING, epochs=50, rungs=(2, 6), checkpoint=ending.checkpoint)], judge=keep_weights
    )
    run_engine(second)
    whole = uninterrupted(run_engine, assignment(STANDING, epochs=50, rungs=(2, 6)))
    assert numbers(second.reports()) == numbers(whole.reports())[2:]
    assert second.kept() == whole.kept()


def test_what_early_stopping_ended_is_not_a_state_to_go_on_from(run_engine: RunEngine) -> None:
    """Where the last epoch is a rung, a PAUSE on its report leaves nothing to train: the training begins anew."""
    first = ScriptedSource([assignment(STANDING, epochs=50, rungs=(4,))], judge=verdict_at(4, Verdict.PAUSE))
    run_engine(first)
    [ending] = first.endings()
    second = ScriptedSource([assignment(STANDING, epochs=50, rungs=(4,), checkpoint=ending.checkpoint)])
    run_engine(second)
    assert numbers(second.reports()) == numbers(first.reports())


@pytest.mark.parametrize(("batch_size", "num_updates"), [(1, 107), (32, 4), ("full", 1)])
def test_an_epoch_has_as_many_updates_as_batches(run_engine: RunEngine, batch_size: Setting, num_updates: int) -> None:
    values: Values = {"learning_rate": 0.5, "lr_decay": 1.0, "batch_size": batch_size}
    source = ScriptedSource([assignment(values, epochs=1)])
    run_engine(source)
    assert source.reports()[0].metrics["learning_rate"] == 0.5 / num_updates
