"""The engine with many rows at once, of several groups, sweeps and engines: each ends as it does alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import pytest

from tests.contracts.many_rows import Engine, assert_as_alone, kept_of, trial
from tests.contracts.test_engine_tasks import BusySource
from tests.trainer.assignments import RAVINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CheckpointRef
from trainer.report import Answer, Ending, EpochReport, Verdict
from trainer.settings import Setting, Settings
from trainer.task import Predict, Probe, RangeTest


@dataclass
class Counted(ScriptedSource):
    """Counts the loop's rounds, in each of which one stack is stepped, and notes in which one rows begin and end."""

    round: int = 0
    began: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)

    def draining(self) -> bool:
        self.round += 1
        return super().draining()

    def started(self, attempt: int) -> None:
        super().started(attempt)
        self.began[attempt] = self.round

    def report(self, report: EpochReport) -> None:
        super().report(report)
        if report.last:
            self.ended[report.attempt] = self.round

    def end(self, ending: Ending) -> None:
        super().end(ending)
        self.ended[ending.attempt] = self.round


@pytest.fixture
def engine(checkpoints: CheckpointStore) -> Engine:
    return Engine(checkpoints)


MIXED = [
    *(trial(attempt) for attempt in range(1, 7)),
    *(trial(attempt, batch_size=16, epochs=3) for attempt in range(7, 10)),
    *(trial(attempt, engine="serial", epochs=2) for attempt in range(10, 13)),
    *(trial(attempt, sweep="another", epochs=5) for attempt in range(13, 16)),
    *(trial(attempt, linear=True, epochs=1 + attempt % 3) for attempt in range(16, 20)),
    trial(20, learning_rate=1e6),
]


@pytest.mark.parametrize("slots", [3, 8, 32])
@pytest.mark.parametrize("ahead_seconds", [0, 0.005])
def test_trials_of_many_groups_sweeps_and_engines_end_as_each_does_alone(
    engine: Engine, slots: int, ahead_seconds: float
) -> None:
    source = ScriptedSource(MIXED, judge=keep_weights, lag_polls=3)
    engine.run(source, slots=slots, ahead_seconds=ahead_seconds)
    assert sorted(source.starts) == [one.attempt for one in MIXED]
    assert_as_alone(source, engine, MIXED)


def test_a_row_that_ends_is_refilled_at_the_next_step(engine: Engine) -> None:
    trials = [trial(attempt, epochs=1 + attempt % 3) for attempt in range(1, 13)]
    source = Counted(trials, judge=keep_weights)
    engine.run(source, slots=4)
    ends = sorted(source.ended.values())
    begins = sorted(source.began.values())
    assert begins[:4] == [1] * 4
    assert begins[4:] == [end + 1 for end in ends[:8]]


@pytest.mark.parametrize("wrong", [{"learning_rate": 1e6}, {"learning_rate": 1e6, "weight_decay": 1e6}])
def test_a_row_that_diverges_is_refilled_at_the_next_step(engine: Engine, wrong: dict[str, Setting]) -> None:
    trials = [trial(1), trial(2, **wrong), trial(3), trial(4)]
    source = Counted(trials, judge=keep_weights)
    engine.run(source, slots=3)
    assert [ending.attempt for ending in source.endings()] == [2]
    assert source.began[4] == source.ended[2] + 1
    assert_as_alone(source, engine, trials)


@pytest.mark.parametrize("lag_polls", [1, 2, 7])
@pytest.mark.parametrize("verdict", [Verdict.STOP, Verdict.PAUSE])
def test_a_verdict_on_one_row_is_none_of_the_others_matter(engine: Engine, verdict: Verdict, lag_polls: int) -> None:
    trials = [trial(attempt) for attempt in range(1, 7)]

    def judge(report: EpochReport) -> Answer:
        return (verdict_at(2, verdict) if report.attempt == 3 else keep_weights)(report)

    source = ScriptedSource(trials, judge=judge, lag_polls=lag_polls)
    engine.run(source, slots=5)
    assert_as_alone(source, engine, [one for one in trials if one.attempt != 3])
    said = source.said.index(Answer(attempt=3, epoch=2, verdict=verdict))
    assert [one for one in source.said[said:] if isinstance(one, EpochReport) and one.attempt == 3] == []
    assert kept_of(source, 3) == []
    if verdict is Verdict.PAUSE:
        [ending] = source.endings()
        rest = trials[2].model_copy(update={"checkpoint": ending.checkpoint})
        beside = [trial(7), rest, trial(8)]  # it goes on beside others
        again = engine.run(ScriptedSource(beside, judge=keep_weights))
        whole = engine.alone(trials[2])
        assert numbers(again.reports(3)) == numbers(whole.reports(3))[2:]
        assert kept_of(again, 3) == whole.kept()


def test_a_cancelled_row_leaves_at_once_in_mid_epoch(engine: Engine) -> None:
    trials = [trial(attempt) for attempt in range(1, 6)]
    stop = Answer(attempt=2, epoch=None, verdict=Verdict.STOP)
    source = Counted(trials, judge=keep_weights, unasked={7: stop})
    engine.run(source, slots=4)
    assert len(source.reports(2)) == 1
    assert source.began[5] == 7
    assert_as_alone(source, engine, [one for one in trials if one.attempt != 2])


@pytest.mark.parametrize("drain_at", [2, 5, 6, 11])
def test_draining_writes_a_checkpoint_for_each_row_and_each_goes_on_bit_equal(engine: Engine, drain_at: int) -> None:
    trials = [*(trial(attempt) for attempt in range(1, 5)), trial(5, engine="serial"), trial(6, batch_size=16)]
    first = engine.run(ScriptedSource(trials, judge=keep_weights, drain_at=drain_at))
    checkpoints = {note.attempt: note.checkpoint for note in first.notes()}
    assert set(checkpoints) == {one.attempt for one in trials} - {note.attempt for note in first.kept()}
    rest = engine.run(ScriptedSource([*reversed(_resumed(trials, checkpoints)), trial(9)], judge=keep_weights))
    for one in trials:
        whole = engine.alone(one)
        assert numbers(first.reports(one.attempt) + rest.reports(one.attempt)) == numbers(whole.reports(one.attempt))
        assert kept_of(rest, one.attempt) == whole.kept()


def _resumed(trials: Sequence[Assignment], checkpoints: dict[int, CheckpointRef]) -> list[Assignment]:
    return [one.model_copy(update={"checkpoint": checkpoints[one.attempt]}) for one in trials]


def test_rows_are_bit_equal_with_tasks_between_their_updates(engine: Engine, checkpoints: CheckpointStore) -> None:
    trials = [*(trial(attempt) for attempt in range(1, 5)), trial(5, engine="serial")]
    weights = engine.alone(trials[0]).kept()[0].weights
    wine = trials[0].problem
    probe = Probe(problem=RAVINE, settings=Settings(), metric=assignment(problem=RAVINE).metric, seed=3, most_rows=2)
    tasks = (
        Predict(problem=wine, weights=weights, rows=[[1.0] * 13]),
        RangeTest(problem=wine, settings=Settings(), seed=3, num_rates=3, num_updates=2),
        probe,
    )
    busy = BusySource(trials, judge=keep_weights, tasks=tasks, files=checkpoints)
    engine.run(busy)
    assert {result.error for result in busy.results} == {None}
    assert len(busy.results) > 12
    assert_as_alone(busy, engine, trials)


def test_the_seconds_of_all_rows_are_those_of_the_engine(engine: Engine) -> None:
    trials = [*(trial(attempt, epochs=30) for attempt in range(1, 8)), trial(8, engine="serial", epochs=30)]
    began = perf_counter()
    source = engine.run(ScriptedSource(trials), ahead_seconds=0.005)
    wall_seconds = perf_counter() - began
    last = [source.reports(one.attempt)[-1] for one in trials]
    assert 0.25 * wall_seconds < sum(report.seconds for report in last) < wall_seconds
    for report in last:
        epochs = sum(one.metrics["epoch_seconds"] or 0 for one in source.reports(report.attempt))
        assert epochs == pytest.approx(report.seconds)
