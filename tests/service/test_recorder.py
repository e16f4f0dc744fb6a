"""What the copier brings to MLflow, against a real store in SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine

from service.recorder.mlflow_embedded import EmbeddedMlflow
from service.stores.runs import PARENT
from sweeps.states import SweepState, TrialState
from tests.service.faulty_mlflow import BY_CLIENT
from tests.service.recorder_house import House, empty_mlflow_in, everything_once, house_in
from tests.service.recorder_story import BEGIN, accuracy, make_trial


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_mlflow_in(tmp_path_factory.mktemp("empty"))


@pytest.fixture(params=["into its tables", "by its client"])
def house(request: pytest.FixtureRequest, tmp_path: Path, empty_mlflow: Path, database_url: str) -> Iterator[House]:
    kind = EmbeddedMlflow if request.param == "into its tables" else BY_CLIENT
    with house_in(tmp_path, empty=empty_mlflow, database_url=database_url, kind=kind) as house:
        yield house


def test_a_whole_sweep(house: House) -> None:
    house.story.sweep()
    house.story.engine(of=make_trial(0), reason="too large")
    house.story.whole(0)
    house.story.best(0)
    house.story.whole(1, state=TrialState.PRUNED)
    house.story.whole(2, state=TrialState.FAILED, reason="out of memory")
    house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 10)
    house.copy()
    everything_once(house, num_trials=3)
    found = house.runs()
    assert {name: run.info.status for name, run in found.items()} == {
        "digits-s1": "FINISHED",
        "#0 baseline": "FINISHED",
        "#1": "KILLED",
        "#2": "FAILED",
    }
    assert found["#2"].data.tags["ravine.reason"] == "out of memory"
    assert found["#1"].data.tags["ravine.engine_reason"] == "too large"
    assert found["#1"].data.params == {"learning_rate": "0.02", "momentum": "0.9", "batch_size": "32"}
    assert found["#1"].data.metrics["best_epoch"] == 3
    assert (found["#1"].info.start_time, found["#1"].info.end_time) == (1_700_000_001_000, 1_700_000_001_900)
    parent = found["digits-s1"]
    assert parent.data.metrics["best_value"] == parent.data.metrics["value"] == accuracy(0, epoch=3)
    assert parent.data.metrics["trials_completed"] == 1
    assert parent.data.tags["mlflow.note.content"].startswith("### Best")
    assert {number: row.run_id for number, row in house.rows().items()} == {
        PARENT: parent.info.run_id,
        0: found["#0 baseline"].info.run_id,
        1: found["#1"].info.run_id,
        2: found["#2"].info.run_id,
    }


def test_the_spec_lies_where_the_server_looks_for_artifacts(house: House) -> None:
    sweep = house.story.sweep()
    house.copy()
    run_id = house.runs()["digits-s1"].info.run_id
    path = house.folder / "mlflow" / "artifacts" / "ravine" / run_id / "artifacts" / "sweep.yaml"
    assert yaml.safe_load(path.read_text())["name"] == sweep.name


def test_trials_are_live_while_they_train(house: House) -> None:
    house.story.sweep()
    house.story.trial(0)
    house.copy(now=0.0, hurry=False)
    assert house.runs()["#0 baseline"].info.status == "RUNNING"
    house.story.epochs(0, last=2)
    house.copy(now=1.0, hurry=False)
    assert house.steps("#0 baseline", metric="val_loss") == []
    house.copy(now=2.0, hurry=False)
    assert house.steps("#0 baseline", metric="val_loss") == [(1, 1.1), (2, 0.55)]
    house.story.epochs(0, first=3, last=3)
    house.story.end(0)
    house.copy(now=2.1, hurry=False)
    ended = house.runs()["#0 baseline"]
    assert ended.info.status == "FINISHED"
    assert ended.data.tags["ravine.state"] == "COMPLETED"
    assert len(house.steps("#0 baseline", metric="val_loss")) == 3


def test_a_waiting_trial_has_no_run(house: House) -> None:
    house.story.sweep()
    house.story.trial(0, state=TrialState.WAITING, started_at=None)
    house.copy()
    assert set(house.runs()) == {"digits-s1"}
    assert house.place() == 2


def test_the_place_moves_behind_what_mlflow_has(house: House) -> None:
    house.story.sweep()
    house.story.whole(0)
    assert house.place() == 0
    house.copy()
    assert house.place() == 6


def test_a_trial_with_more_points_than_mlflow_takes_at_once(house: House) -> None:
    house.story.sweep()
    house.story.whole(0, last=300)
    house.copy()
    everything_once(house, num_trials=1, last=300)


def test_an_extended_sweep_runs_again(house: House) -> None:
    house.story.sweep()
    house.story.whole(0)
    house.story.best(0)
    house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 10)
    house.copy()
    house.story.sweep_state(SweepState.RUNNING)
    house.copy()
    assert house.runs()["digits-s1"].info.status == "RUNNING"
    house.story.whole(1)
    house.story.best(1)
    house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 20)
    house.copy()
    parent = house.runs()["digits-s1"]
    assert (parent.info.status, parent.info.end_time) == ("FINISHED", 1_700_000_020_000)
    assert parent.data.metrics["trials_completed"] == 2
    assert house.steps("digits-s1", metric="best_value") == [(0, accuracy(0, epoch=3)), (1, accuracy(1, epoch=3))]


def test_sweeps_have_their_own_parents_and_experiments(house: House) -> None:
    house.story.sweep("s1")
    house.story.sweep("s2", mlflow={"experiment": "of my own"})
    house.story.whole(0, sweep_id="s1")
    house.story.whole(0, sweep_id="s2")
    house.copy()
    assert set(house.runs()) == {"digits-s1", "#0 baseline"}
    assert set(house.runs(experiment="of my own")) == {"digits-s2", "#0 baseline"}


@pytest.mark.parametrize("with_runs", [True, False])
def test_a_deleted_sweep(house: House, *, with_runs: bool) -> None:
    house.story.sweep("s1")
    house.story.whole(0)
    house.story.sweep("s2", mlflow={"experiment": "of my own"})
    house.copy()
    house.story.delete("s1", with_runs=with_runs)
    house.story.whole(0, sweep_id="s2")
    house.copy()
    assert set(house.runs()) == (set() if with_runs else {"digits-s1", "#0 baseline"})
    assert set(house.runs(experiment="of my own")) == {"digits-s2", "#0 baseline"}
    assert house.rows() == {}


def test_a_sweep_that_is_deleted_before_it_was_copied(house: House) -> None:
    house.story.sweep()
    house.story.trial(0)
    house.copier.step(now=0.0)
    house.story.epochs(0, last=3)
    house.story.delete(with_runs=True)
    house.copy()
    assert house.runs() == {}
    assert house.rows() == {}


def test_mlflow_s_database_costs_no_fsync(house: House) -> None:
    engine = create_engine(f"sqlite:///{house.folder / 'mlflow' / 'mlflow.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    engine.dispose()
