"""Claim (a) of the fused engine, through the engine: what it says of a trial does not depend on the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.engines import uninterrupted
from tests.trainer.assignments import numbers
from tests.trainer.companies import row_of
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from tests.trainer.stories import GROUPS
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.engine import train
from trainer.kinds import Cosine
from trainer.pauses import AS_A_SERVICE
from trainer.report import Verdict
from trainer.settings import Settings


def rows_for_the_engine() -> list[Assignment]:
    """Seven trials of one group, of one to four epochs; the third diverges."""
    rates = (0.05, 0.01, 1e6, 0.2, 0.1, 0.02, 0.5)
    config = GROUPS["mlp dropout"]
    return [
        row_of(
            config[number % len(config)],
            settings=Settings(learning_rate=rate, momentum=0.9, batch_size=7, schedule=Cosine()),
            attempt=number,
            epochs=1 + number % 4,
        )
        for number, rate in enumerate(rates)
    ]


def engine_of(
    slots: int, *, folder: Path, ahead_seconds: float = AS_A_SERVICE.ahead_seconds
) -> Callable[[ScriptedSource], None]:
    """It trains stacks of so many rows; as a service does, or with a look at the source between any two updates."""
    pauses = replace(AS_A_SERVICE, ahead_seconds=ahead_seconds)

    def run(source: ScriptedSource) -> None:
        source.assign(engine="fused", width=slots)
        train(source, slots=slots, device="cpu", checkpoints=CheckpointStore(folder), pauses=pauses)

    return run


def told_of(sources: Sequence[ScriptedSource], *, attempt: int) -> tuple[object, ...]:
    """What the engines said of one trial: its epochs, how it ended, the file of its best weights."""
    reports = numbers([report for source in sources for report in source.reports(attempt)])
    ended = [(said.state, said.reason) for source in sources for said in source.endings() if said.attempt == attempt]
    kept = [note.weights for source in sources for note in source.kept() if note.attempt == attempt]
    return reports, ended, kept


@pytest.mark.parametrize("slots", [2, 5])
def test_through_the_engine_every_trial_ends_as_it_does_alone(slots: int, tmp_path: Path) -> None:
    rows = rows_for_the_engine()
    together = ScriptedSource(rows, judge=keep_weights, lag_polls=2)
    engine_of(slots, folder=tmp_path)(together)
    for row in rows:
        by_itself = uninterrupted(engine_of(1, folder=tmp_path), row)
        assert told_of([together], attempt=row.attempt) == told_of([by_itself], attempt=row.attempt)


def test_neighbours_that_are_stopped_change_nothing(tmp_path: Path) -> None:
    rows = rows_for_the_engine()
    longest = next(row for row in rows if row.epochs == 4)
    judge = verdict_at(1, Verdict.STOP)
    together = ScriptedSource(
        rows, judge=lambda report: (keep_weights if report.attempt == longest.attempt else judge)(report), lag_polls=3
    )
    engine_of(3, folder=tmp_path, ahead_seconds=0)(together)
    by_itself = uninterrupted(engine_of(1, folder=tmp_path), longest)
    assert told_of([together], attempt=longest.attempt) == told_of([by_itself], attempt=longest.attempt)
    assert len(together.reports(longest.attempt)) == 4


@pytest.mark.parametrize("drain_at", [4, 9, 17])
def test_rows_that_were_killed_go_on_at_any_width_as_if_nothing_had_happened(drain_at: int, tmp_path: Path) -> None:
    rows = rows_for_the_engine()
    first = ScriptedSource(rows, judge=keep_weights, drain_at=drain_at)
    engine_of(4, folder=tmp_path, ahead_seconds=0)(first)
    checkpoints = {note.attempt: note.checkpoint for note in first.notes()}
    assert len(checkpoints) > 1
    begun = [
        row.model_copy(update={"checkpoint": checkpoints[row.attempt]}) for row in rows if row.attempt in checkpoints
    ]
    second = ScriptedSource(begun, judge=keep_weights)
    engine_of(3, folder=tmp_path)(second)
    for row in begun:
        by_itself = uninterrupted(engine_of(1, folder=tmp_path), row.model_copy(update={"checkpoint": None}))
        assert told_of([first, second], attempt=row.attempt) == told_of([by_itself], attempt=row.attempt)
