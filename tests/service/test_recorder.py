"""The copier against a real MLflow store in SQLite; faults come through the seam, a subclass of the door."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from sqlalchemy import create_engine

from service.recorder_content import Origin, Point, RunContent, RunStatus
from service.recorder_copier import Copier
from service.recorder_mlflow import ArtifactsAway, EmbeddedMlflow, open_mlflow
from service.records import MlflowRun
from service.stores import runs
from service.stores.runs import PARENT
from sweeps.states import SweepState, TrialState
from tests.service.recorder_story import BEGIN, Story, accuracy

ORIGIN = Origin("me", commit="abc")


class House:
    """A database, our own MLflow, and the copier between them."""

    def __init__(self, folder: Path, *, kind: type[EmbeddedMlflow] = EmbeddedMlflow) -> None:
        self.folder = folder
        self.story = Story(folder)
        self.mlflow = kind(folder / "mlflow")
        self.client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
        self.restart()

    def close(self) -> None:
        """Gives everything back."""
        self.mlflow.close()
        self.story.database.close()

    def restart(self) -> None:
        """A new recorder on the same databases."""
        self.copier = Copier(self.story.database, mlflow=self.mlflow, origin=ORIGIN)

    def copy(self, *, now: float = 0.0, hurry: bool = True) -> None:
        """Steps until nothing is due."""
        while self.copier.step(now=now, hurry=hurry):
            pass

    def replay(self) -> None:
        """A new recorder that has lost its place."""
        with self.story.database.write() as connection:
            runs.move(connection, 0)
        self.restart()

    def place(self) -> int:
        with self.story.database.read() as connection:
            return runs.place(connection)

    def rows(self, sweep_id: str = "s1") -> dict[int, MlflowRun]:
        with self.story.database.read() as connection:
            return runs.of_sweep(connection, sweep_id)

    def runs(self, *, experiment: str = "ravine") -> dict[str, Run]:
        """The runs in MLflow by name; each name is there once."""
        found = self.client.get_experiment_by_name(experiment)
        assert found is not None
        listed = list(self.client.search_runs([found.experiment_id]))
        assert max(Counter(run.info.run_name for run in listed).values(), default=1) == 1
        return {run.info.run_name: run for run in listed}

    def steps(self, name: str, *, metric: str) -> list[tuple[int, float]]:
        """The points of one metric of one run; a point that were there twice would be here twice."""
        points = self.client.get_metric_history(self.runs()[name].info.run_id, metric)
        return [(point.step, point.value) for point in points]


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's schema, which takes MLflow a while to make."""
    folder = tmp_path_factory.mktemp("empty") / "mlflow"
    open_mlflow(None, folder=folder).close()
    return folder


@pytest.fixture
def folder(tmp_path: Path, empty_mlflow: Path) -> Path:
    """Where a house can be built."""
    shutil.copytree(empty_mlflow, tmp_path / "mlflow")
    return tmp_path


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    house = House(folder)
    yield house
    house.close()


def everything_once(house: House, *, num_trials: int, last: int = 3) -> None:
    """Each trial has one run, and each epoch of it one point."""
    found = house.runs()
    assert set(found) == {"digits-s1", "#0 baseline", *(f"#{number}" for number in range(1, num_trials))}
    for number in range(num_trials):
        name = f"#{number}" if number else "#0 baseline"
        expected = [(epoch, accuracy(number, epoch=epoch)) for epoch in range(1, last + 1)]
        assert house.steps(name, metric="val_accuracy") == expected
        assert house.steps(name, metric="value") == expected[-1:]
        assert len(house.steps(name, metric="grad_norm")) == last - 1
        assert found[name].data.tags["mlflow.parentRunId"] == found["digits-s1"].info.run_id
        assert found[name].info.status != "RUNNING"


def test_a_whole_sweep(house: House) -> None:
    house.story.sweep()
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


def test_mlflow_s_database_costs_no_fsync_and_ours_does(house: House) -> None:
    engine = create_engine(f"sqlite:///{house.folder / 'mlflow' / 'mlflow.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    engine.dispose()
    with house.story.database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


class Lost(Exception):
    """The call did not come through, or its answer did not."""


class Faulty(EmbeddedMlflow):
    """Fails at one call, before or after it was done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fail_at = -1
        self.after = False
        self.num_calls = 0
        self.artifacts_away = False

    def create(self, experiment_id: str, *, content: RunContent, parent: str | None) -> str:
        with self._fault():
            return super().create(experiment_id, content=content, parent=parent)
        raise AssertionError

    def log(
        self, run_id: str, *, points: tuple[Point, ...], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        with self._fault():
            super().log(run_id, points=points, params=params, tags=tags)

    def end(self, run_id: str, *, status: RunStatus, ended_ms: int) -> None:
        with self._fault():
            super().end(run_id, status=status, ended_ms=ended_ms)

    def put_text(self, run_id: str, *, name: str, text: str) -> None:
        if self.artifacts_away:
            raise ArtifactsAway("disk full")
        super().put_text(run_id, name=name, text=text)

    def _fault(self) -> "Fault":
        self.num_calls += 1
        return Fault(fails=self.num_calls == self.fail_at + 1, after=self.after)


class Fault:
    """Raises Lost at its begin or at its end."""

    def __init__(self, *, fails: bool, after: bool) -> None:
        self._fails, self._after = fails, after

    def __enter__(self) -> None:
        if self._fails and not self._after:
            raise Lost

    def __exit__(self, *_: Any) -> None:
        if self._fails and self._after:
            raise Lost


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_fault_at_any_call_loses_and_doubles_nothing(folder: Path, *, after: bool, restart: bool) -> None:
    house = House(folder, kind=Faulty)
    faulty = house.mlflow
    assert isinstance(faulty, Faulty)
    faulty.after = after
    for fail_at in range(10):
        sweep_id = f"s{fail_at}"
        house.story.sweep(sweep_id, mlflow={"experiment": sweep_id})
        house.story.whole(0, sweep_id=sweep_id)
        house.story.whole(1, sweep_id=sweep_id)
        house.story.sweep_state(SweepState.COMPLETED, sweep_id=sweep_id, ended_at=BEGIN + 5)
        faulty.num_calls, faulty.fail_at = 0, fail_at
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
    assert faulty.num_calls > 8  # of nine calls each failed once, the tenth time none
    house.close()


def test_metrics_do_not_wait_for_artifacts(folder: Path) -> None:
    house = House(folder, kind=Faulty)
    faulty = house.mlflow
    assert isinstance(faulty, Faulty)
    faulty.artifacts_away = True
    house.story.sweep()
    house.story.whole(0)
    house.copy(now=0.0)
    everything_once(house, num_trials=1)
    faulty.artifacts_away = False
    house.copy(now=29.0)
    run_id = house.runs()["digits-s1"].info.run_id
    path = folder / "mlflow" / "artifacts" / "ravine" / run_id / "artifacts" / "sweep.yaml"
    assert not path.exists()
    house.copy(now=30.0)
    assert path.exists()
    house.close()
