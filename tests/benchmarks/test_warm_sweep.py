"""Ravine searches twice in one service: rates and best value are the second sweep's, time from nothing the first's."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mlflow_runs import MlflowRuns
from benchmarks.sides import Side, SideRun, Task
from benchmarks.throughput import RAVINE, compared
from benchmarks.written_sweeps import throughput

PEER = SideRun(
    num_trials=4,
    over_seconds=(3.0, 4.0, 5.0, 6.0),
    shown_seconds=(3.0, 4.0, 5.0, 6.0),
    total_seconds=6.0,
    best_value=0.9,
    num_epochs=8,
    first_start_seconds=2.0,
    in_training=2.0,
)
WARM = SideRun(
    num_trials=4,
    over_seconds=(0.5, 0.6, 0.8, 1.0),
    shown_seconds=(0.5, 0.7, 0.9, 1.25),
    total_seconds=1.25,
    best_value=0.8,
    num_epochs=7,
    first_start_seconds=0.25,
    in_training=3.0,
)
OURS = replace(PEER, best_value=0.95, warm=WARM)


def side(name: str, *, run: SideRun) -> Side:
    """Its search was this one."""

    def search(_task: Task) -> SideRun:
        return run

    return Side(name, search, num_trials=4, marginal_low=1)


def test_rates_are_those_of_the_warm_sweep_and_all_else_is_of_the_first() -> None:
    found = compared([side(RAVINE, run=OURS), side("peer", run=PEER)], num_repeats=1, seed=0, say=lambda _line: None)
    ratios = found["ratios"]["peer"]
    assert ratios["marginal_rate"] == pytest.approx((3 / (1.25 - 0.5)) / (3 / (6 - 3)))
    assert ratios["rate_once_started"] == pytest.approx((4 / (1.25 - 0.25)) / (4 / (6 - 2)))
    assert ratios["cold_marginal_rate"] == ratios["cold_rate_once_started"] == ratios["rate_from_nothing"] == 1
    assert ratios["best_value_difference"] == pytest.approx(-0.1)
    ours, peers = found["rows"]
    assert (ours["num_epochs"], ours["warm_num_epochs"], peers["warm_num_epochs"]) == (8, 7, None)
    assert "| 4.00 (1.00) |" in throughput(found)


def test_only_the_runs_of_the_sweep_count(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE runs (run_uuid, status, start_time, end_time)")
        connection.execute("CREATE TABLE tags (key, value, run_uuid)")
        connection.execute("CREATE TABLE metrics (key, value, is_nan, run_uuid)")
        for run, sweep, status, value in (("a", "one", "FINISHED", 0.9), ("b", "two", "KILLED", 0.8)):
            connection.execute("INSERT INTO runs VALUES (?, ?, 1000, 2000)", (run, status))
            connection.execute("INSERT INTO tags VALUES ('ravine.sweep', ?, ?)", (sweep, run))
            connection.execute("INSERT INTO metrics VALUES ('val_accuracy', ?, 0, ?)", (value, run))
        connection.commit()
    runs = MlflowRuns(database, sweep_id="two")
    assert (runs.num_ended(), runs.num_epochs(), runs.best_value()) == (1, 1, 0.8)
    assert MlflowRuns(database).num_ended() == 2
