"""Each run and each point once, whatever is lost in between; faults come through the seam, a subclass of the door."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from service.recorder.mlflow_embedded import EmbeddedMlflow
from service.recorder.runs import Runs
from service.records import MlflowRun
from service.stores import runs
from service.stores.runs import PARENT
from sweeps.states import SweepState
from tests.service.faulty_mlflow import BY_CLIENT, Faulty, FaultyClient, Frozen, FrozenClient, Lost
from tests.service.recorder_house import House, empty_mlflow_in, everything_once, house_in
from tests.service.recorder_story import BEGIN

NUM_MANY = 1001  # one more than MLflow lists at once


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_mlflow_in(tmp_path_factory.mktemp("empty"))


@pytest.fixture(params=["into its tables", "by its client"])
def house(request: pytest.FixtureRequest, tmp_path: Path, empty_mlflow: Path, database_url: str) -> Iterator[House]:
    kind = EmbeddedMlflow if request.param == "into its tables" else BY_CLIENT
    with house_in(tmp_path, empty=empty_mlflow, database_url=database_url, kind=kind) as house:
        yield house


@pytest.fixture(params=[Faulty, FaultyClient])
def faulty_house(
    request: pytest.FixtureRequest, tmp_path: Path, empty_mlflow: Path, database_url: str
) -> Iterator[House]:
    with house_in(tmp_path, empty=empty_mlflow, database_url=database_url, kind=request.param) as house:
        yield house


def test_all_of_it_again_is_all_of_it_once(house: House) -> None:
    house.story.sweep()
    for number in range(3):
        house.story.whole(number)
    house.story.best(2)
    house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 10)
    house.copy()
    house.replay()
    house.copy()
    everything_once(house, num_trials=3)
    assert len(house.steps("digits-s1", metric="best_value")) == 1
    assert len(house.steps("digits-s1", metric="trials_completed")) == 1


def test_a_crash_between_making_a_run_and_storing_its_id(house: House) -> None:
    house.story.sweep()
    house.story.whole(0)
    house.story.whole(1)
    house.copy()
    with house.story.database.write() as connection:
        runs.store(connection, [MlflowRun("s1", number, None, None) for number in (PARENT, 0, 1)])
    house.replay()
    house.copy()
    everything_once(house, num_trials=2)
    assert all(row.run_id for row in house.rows().values())


def test_a_restart_in_the_middle_goes_on(house: House) -> None:
    house.story.sweep()
    house.story.trial(0)
    house.story.epochs(0, last=1)
    house.copy()
    house.restart()
    house.copier.send_unfinished_again()
    house.copy()
    assert house.runs()["#0 baseline"].info.status == "RUNNING"
    house.story.epochs(0, first=2, last=3)
    house.story.end(0)
    house.copy()
    assert house.steps("#0 baseline", metric="val_loss") == [(1, 1.1), (2, 0.55), (3, 1.1 / 3)]
    assert house.runs()["#0 baseline"].info.status == "FINISHED"


def test_what_mlflow_lost_is_sent_again(house: House, empty_mlflow: Path) -> None:
    house.story.sweep()
    house.story.whole(0)
    house.story.trial(1)
    house.copy()
    house.mlflow.close()
    another = house.folder / "another"
    shutil.copytree(empty_mlflow, another)
    house.mlflow = EmbeddedMlflow(another)
    house.client = MlflowClient(tracking_uri=f"sqlite:///{another / 'mlflow.db'}")
    house.restart()
    house.copier.send_unfinished_again()
    house.copy()
    house.story.epochs(1, last=3)
    house.story.end(1)
    house.copy()
    everything_once(house, num_trials=2)


def test_a_run_that_vanishes_is_made_again_whole(house: House) -> None:
    house.story.sweep()
    house.story.trial(0)
    house.story.epochs(0, last=2)
    house.copy()
    with closing(sqlite3.connect(house.folder / "mlflow" / "mlflow.db")) as connection, connection:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            connection.execute(f"DELETE FROM {table}")
    house.story.epochs(0, first=3, last=3)
    house.story.end(0)
    house.copy()
    everything_once(house, num_trials=1)


def test_a_run_deleted_by_hand_stays_deleted_and_holds_nothing_up(house: House) -> None:
    house.story.sweep()
    house.story.trial(0)
    house.copy()
    house.client.delete_run(house.runs()["#0 baseline"].info.run_id)
    house.story.epochs(0, last=3)
    house.story.end(0)
    house.story.whole(1)
    house.copy()
    assert set(house.runs()) == {"digits-s1", "#1"}
    assert house.place() == 11


def test_an_experiment_deleted_by_hand_comes_back_with_the_next_run(house: House) -> None:
    house.story.sweep()
    house.story.whole(0)
    house.copy()
    found = house.client.get_experiment_by_name("ravine")
    assert found is not None
    house.client.delete_experiment(found.experiment_id)
    house.story.whole(1)
    house.copy()
    everything_once(house, num_trials=2)


def test_a_kill_while_the_schema_was_made_leaves_nothing_half_made(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db.draft")) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    mlflow = EmbeddedMlflow(tmp_path)
    assert mlflow.experiment("ravine") == "1"
    mlflow.close()
    assert not list(tmp_path.glob("*.draft*"))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("kind", [Frozen, FrozenClient])
def test_what_a_frozen_server_makes_late_is_gone_when_the_sweep_ends(
    tmp_path: Path, empty_mlflow: Path, database_url: str, *, kind: type[Frozen | FrozenClient], restart: bool
) -> None:
    with house_in(tmp_path, empty=empty_mlflow, database_url=database_url, kind=kind) as house:
        house.story.sweep()
        for number in range(3):
            house.story.whole(number)
        for _ in range(kind.num_losses):
            with pytest.raises(Lost):
                house.copy()
        house.copy()
        found = house.client.get_experiment_by_name("ravine")
        assert found is not None
        assert len(house.client.search_runs([found.experiment_id])) == 8
        if restart:
            house.restart()
        house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 5)
        house.copy()
        everything_once(house, num_trials=3)


def test_weeding_lets_a_run_stand_whose_id_is_to_be_found_again(house: House) -> None:
    """After MLflow lost one run, those of a long sweep are looked for by the hundred, and its end may come between."""
    house.story.sweep()
    house.story.whole(0)
    house.story.whole(1)
    house.copy()
    before = {name: run.info.run_id for name, run in house.runs().items()}
    with house.story.database.write() as connection:
        runs.store(connection, [replace(house.rows()[0], run_id=None)])
    Runs(house.story.database, mlflow=house.mlflow).weed("s1")
    assert {name: run.info.run_id for name, run in house.runs().items()} == before


def test_all_runs_of_a_sweep_are_deleted_however_many_there_are(house: House) -> None:
    """MLflow's pages go by position: what is deleted while they are read moves the rest out of sight."""
    experiment_id = house.mlflow.experiment("ravine")
    with closing(sqlite3.connect(house.folder / "mlflow" / "mlflow.db")) as connection, connection:
        numbers = [(f"{number:032x}",) for number in range(NUM_MANY)]
        columns = "run_uuid, status, lifecycle_stage, source_type, user_id, start_time, artifact_uri, experiment_id"
        row = f"?, 'FINISHED', 'active', 'LOCAL', 'me', 0, '', {experiment_id}"
        connection.executemany(f"INSERT INTO runs ({columns}) VALUES ({row})", numbers)
        for tag in ("ravine.sweep", "ravine.trial"):
            connection.executemany(f"INSERT INTO tags (key, value, run_uuid) VALUES ('{tag}', 's1', ?)", numbers)
    house.mlflow.delete_runs(experiment_id, sweep_id="s1")
    assert house.client.search_runs([experiment_id], max_results=1) == []


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_fault_at_any_call_loses_and_doubles_nothing(faulty_house: House, *, after: bool, restart: bool) -> None:
    house, mlflow = faulty_house, faulty_house.mlflow
    assert isinstance(mlflow, Faulty | FaultyClient)
    faults = mlflow.faults
    faults.after = after
    num_calls = 4 if isinstance(mlflow, Faulty) else 10
    for fail_at in range(num_calls + 1):
        sweep_id = f"s{fail_at}"
        house.story.sweep(sweep_id, mlflow={"experiment": sweep_id})
        house.story.whole(0, sweep_id=sweep_id)
        house.story.whole(1, sweep_id=sweep_id)
        house.story.sweep_state(SweepState.COMPLETED, sweep_id=sweep_id, ended_at=BEGIN + 5)
        faults.num_calls, faults.fail_at = 0, fail_at
        house.restart()
        try:
            house.copy()
        except Lost:
            if restart:
                house.restart()
            house.copy()
        found = house.runs(experiment=sweep_id)
        assert {name: run.info.status for name, run in found.items()} == {
            f"digits-{sweep_id}": "FINISHED",
            "#0 baseline": "FINISHED",
            "#1": "FINISHED",
        }
        for name in ("#0 baseline", "#1"):
            assert len(house.client.get_metric_history(found[name].info.run_id, "val_loss")) == 3
    assert faults.num_calls == num_calls  # each of them failed once, the last time none
