"""The engine with many rows of users' own problems: what goes wrong in one is none of the others' matter."""

from pathlib import Path

import pytest

from tests.contracts.many_rows import Engine, assert_as_alone, trial
from tests.trainer.own_models import discover_models, training
from tests.trainer.own_problems import assigned, line, own_file
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.own.discovery import discover
from trainer.settings import Setting, Settings


@pytest.fixture
def engine(checkpoints: CheckpointStore) -> Engine:
    return Engine(checkpoints)


def test_a_row_whose_metric_raises_fails_alone(engine: Engine, tmp_path: Path) -> None:
    strict = "def worst(o, t):\n    assert (t - o).abs().max() < 50, 'far off'\n    return float((t - o).abs().max())\n"
    path = own_file(tmp_path, old="lambda o, t: float((t - o).abs().max())", new="worst")
    Path(path).write_text(Path(path).read_text().replace("@problem", strict + "\n@problem").replace("log_metric(", "("))
    discover([path])
    rates = {1: 0.01, 2: 30.0, 3: 0.02, 4: 0.03}
    trials = [_line(attempt, learning_rate=rate) for attempt, rate in rates.items()]
    source = engine.run(ScriptedSource(trials, judge=keep_weights))
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(2, "FAILED")]
    assert "far off" in source.endings()[0].reason
    assert not source.endings()[0].fault
    assert_as_alone(source, engine, trials)


def _line(attempt: int, *, learning_rate: float, settings: dict[str, Setting] | None = None) -> Assignment:
    of = assigned(line(settings), attempt=attempt, epochs=4)
    given = Settings(learning_rate=learning_rate, momentum=0.9)
    return of.model_copy(update={"settings": given, "engine": "fused", "width": 8, "seed": attempt})


def test_what_raises_in_every_row_fails_each_with_its_reason_and_nobody_else(engine: Engine, tmp_path: Path) -> None:
    path = own_file(tmp_path, old="log_metric(", new="(")
    discover([path])
    wrong = [_line(attempt, learning_rate=0.01, settings={"wrong": "model"}) for attempt in (1, 2)]
    right = [_line(attempt, learning_rate=0.01) for attempt in (3, 4)]
    source = engine.run(ScriptedSource([wrong[0], right[0], wrong[1], right[1]], judge=keep_weights))
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(1, "FAILED"), (2, "FAILED")]
    assert all("ValueError: boom (own.py, line" in ending.reason for ending in source.endings())
    assert_as_alone(source, engine, right)


@pytest.mark.parametrize(
    ("kind", "reason"), [("cumulative", "torch.nn.BatchNorm1d"), ("scaled", "scale"), ("branching", "torch.where")]
)
def test_what_cannot_be_stacked_but_is_told_to_fails_and_says_what_to_do(
    engine: Engine, tmp_path: Path, kind: str, reason: str
) -> None:
    discover_models(tmp_path)
    forced = [training(kind).model_copy(update={"engine": "fused", "width": 8, "attempt": number}) for number in (1, 2)]
    source = engine.run(ScriptedSource([*forced, trial(3)], judge=keep_weights))
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(1, "FAILED"), (2, "FAILED")]
    assert all(reason in ending.reason and "set engine: auto" in ending.reason for ending in source.endings())
    assert all(ending.fault for ending in source.endings())
    assert_as_alone(source, engine, [trial(3)])
