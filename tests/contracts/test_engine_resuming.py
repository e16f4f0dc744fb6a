"""The contract between a source and an engine on pausing, draining and going on; every engine passes all of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.engines import RunEngine, uninterrupted
from tests.trainer.assignments import BASELINE, RAVINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef
from trainer.engine import train
from trainer.pauses import AS_A_SERVICE
from trainer.report import EpochReport, Verdict
from trainer.settings import Setting


@pytest.mark.parametrize("lag_polls", [1, 2, 7, 11])
@pytest.mark.parametrize("rungs", [(2,), (1, 2, 4), ()])
def test_a_paused_trial_goes_on_as_if_nothing_had_happened(
    run_engine: RunEngine, rungs: tuple[int, ...], lag_polls: int
) -> None:
    whole = uninterrupted(run_engine, assignment(rungs=rungs))
    first = ScriptedSource([assignment(rungs=rungs)], judge=verdict_at(2, Verdict.PAUSE), lag_polls=lag_polls)
    run_engine(first)
    [ending] = first.endings()
    assert ending.state == "PAUSED"
    epoch = 0 if ending.checkpoint is None else ending.checkpoint.epoch
    assert epoch == (2 if rungs else 0)  # without rungs it begins anew
    second = ScriptedSource([assignment(rungs=rungs, checkpoint=ending.checkpoint)], judge=keep_weights)
    run_engine(second)
    assert numbers(second.reports()) == numbers(whole.reports())[epoch:]
    assert second.kept() == whole.kept()


def test_a_pause_may_arrive_after_the_last_report(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment(rungs=(2, 4))], judge=verdict_at(2, Verdict.PAUSE), lag_polls=30)
    run_engine(source)
    assert source.reports()[-1].last
    [ending] = source.endings()
    assert ending.checkpoint is not None
    assert ending.checkpoint.epoch == 2
    assert source.kept() == []


def test_a_pause_may_arrive_after_the_divergence(run_engine: RunEngine) -> None:
    wild = assignment({"learning_rate": 0.021, "batch_size": 64}, problem=RAVINE, epochs=500, rungs=(2,))
    source = ScriptedSource([wild], judge=verdict_at(2, Verdict.PAUSE), lag_polls=5000)
    run_engine(source)
    assert [ending.state for ending in source.endings()] == ["DIVERGED", "PAUSED"]


def test_a_paused_slot_is_free_for_the_next_trial(run_engine: RunEngine) -> None:
    source = ScriptedSource(
        [assignment(rungs=(2,)), assignment(attempt=2, epochs=1)], judge=verdict_at(2, Verdict.PAUSE)
    )
    run_engine(source)
    assert source.starts == [1, 2]


@pytest.mark.parametrize(
    ("drain_at", "batch_size"),
    [*((drain_at, 32) for drain_at in range(2, 17)), (3, 7), (4, 7), (5, 7), (20, 7), (3, 1), (42, 1)],
)
def test_a_training_drained_at_any_step_goes_on_bit_equal(
    run_engine: RunEngine, drain_at: int, batch_size: int
) -> None:
    settings: dict[str, Setting] = {**BASELINE, "batch_size": batch_size}  # of 7 or 1, batches begin at odd addresses
    whole = uninterrupted(run_engine, assignment(settings))
    first = ScriptedSource([assignment(settings)], drain_at=drain_at)
    run_engine(first)
    [note] = first.notes()
    assert first.said[-1] == note
    assert note.checkpoint.epoch == len(first.reports())
    second = ScriptedSource([assignment(settings, checkpoint=note.checkpoint)], judge=keep_weights)
    run_engine(second)
    assert numbers(first.reports() + second.reports()) == numbers(whole.reports())
    assert second.kept() == whole.kept()


def test_a_training_drained_after_every_step_ends_bit_equal(run_engine: RunEngine) -> None:
    settings: dict[str, Setting] = {**BASELINE, "dampening": 0.3, "weight_decay": 1e-3, "lr_decay": 0.01}
    whole = uninterrupted(run_engine, assignment(settings))
    reports: list[EpochReport] = []
    checkpoint: CheckpointRef | None = None
    while not (reports and reports[-1].last):
        source = ScriptedSource([assignment(settings, checkpoint=checkpoint)], judge=keep_weights, drain_at=3)
        run_engine(source)
        reports += source.reports()
        checkpoint = source.notes()[-1].checkpoint if source.notes() else None
    assert numbers(reports) == numbers(whole.reports())


def test_an_idle_engine_drains_without_a_word(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment()], drain_at=1)
    run_engine(source)
    assert source.said == []


def test_with_a_checkpoint_of_another_training_it_begins_anew(run_engine: RunEngine) -> None:
    whole = uninterrupted(run_engine, assignment(seed=2))
    first = ScriptedSource([assignment(seed=1)], drain_at=4)
    run_engine(first)
    second = ScriptedSource([assignment(seed=2, checkpoint=first.notes()[0].checkpoint)])
    run_engine(second)
    assert numbers(second.reports()) == numbers(whole.reports())
    assert second.endings() == []


@pytest.mark.parametrize("content", [None, b"", b"torn"])
def test_without_its_checkpoint_it_begins_anew(
    run_engine: RunEngine, checkpoints: CheckpointStore, content: bytes | None
) -> None:
    whole = uninterrupted(run_engine, assignment())
    first = ScriptedSource([assignment()], drain_at=8)
    run_engine(first)
    checkpoint = first.notes()[0].checkpoint
    checkpoints.path(checkpoint.sha256).unlink()
    if content is not None:
        checkpoints.path(checkpoint.sha256).write_bytes(content)
    second = ScriptedSource([assignment(checkpoint=checkpoint)])
    run_engine(second)
    assert numbers(second.reports()) == numbers(whole.reports())
    assert second.endings() == []


def test_checkpoints_come_with_the_training_time(checkpoints: CheckpointStore) -> None:
    source = ScriptedSource([assignment(epochs=2)])
    train(source, slots=1, device="cpu", checkpoints=checkpoints, pauses=replace(AS_A_SERVICE, checkpoint_seconds=0))
    assert [note.checkpoint.epoch for note in source.notes()] == [0, 0, 0, 1, 1, 1, 1]


def test_a_checkpoint_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    source = ScriptedSource(
        [assignment(rungs=(2,)), assignment(attempt=2, rungs=(), epochs=1)], judge=verdict_at(2, Verdict.PAUSE)
    )
    no_folder = CheckpointStore(tmp_path / "file")
    train(source, slots=1, device="cpu", checkpoints=no_folder, pauses=replace(AS_A_SERVICE, checkpoint_seconds=0))
    assert [(ending.state, ending.checkpoint) for ending in source.endings()] == [("PAUSED", None)]
    assert source.notes() == []
    assert source.reports(attempt=2)[-1].last
