"""The recorder with a real MLflow server, and as the process that it is."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from service.recorder.copier import Copier
from service.recorder.mlflow_embedded import open_mlflow
from service.recorder.registry import Registry
from service.stores import runs
from sweeps.states import SweepState
from tests.service.mlflow_server import Server, until
from tests.service.recorder_house import copier_of
from tests.service.recorder_processes import recorder_processes
from tests.service.recorder_story import BEGIN, Story, accuracy

NUM_KILLED = 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of our own MLflow, with its schema."""
    folder = tmp_path_factory.mktemp("home") / "mlflow"
    open_mlflow(None, folder=folder).close()
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    yield server
    server.stop()


@pytest.fixture
def story(tmp_path: Path, database_url: str) -> Iterator[Story]:
    story = Story(tmp_path, database_url=database_url)
    yield story
    story.database.close()


def runs_of(url: str, *, experiment: str) -> dict[str, Run]:
    """The runs that the server shows, by name; each is there once."""
    client = MlflowClient(tracking_uri=url)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    listed = list(client.search_runs([found.experiment_id]))
    named = {run.info.run_name: run for run in listed}
    assert len(named) == len(listed)
    return named


def val_accuracy(url: str, run: Run) -> list[tuple[int, float]]:
    points = MlflowClient(tracking_uri=url).get_metric_history(run.info.run_id, "val_accuracy")
    return [(point.step, point.value) for point in points]


def copy(copier: Copier) -> None:
    while copier.step(now=0.0, hurry=True):
        pass


def test_what_is_written_directly_is_what_the_server_shows(server: Server, folder: Path, story: Story) -> None:
    story.sweep(mlflow={"experiment": "directly"})
    story.whole(0)
    story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 9)
    mlflow = open_mlflow(None, folder=folder)
    copy(copier_of(story, mlflow=mlflow, registry=Registry(server.url)))
    mlflow.close()
    found = runs_of(server.url, experiment="directly")
    assert {name: run.info.status for name, run in found.items()} == {
        "digits-s1": "FINISHED",
        "#0 baseline": "FINISHED",
    }
    assert val_accuracy(server.url, found["#0 baseline"]) == [(epoch, accuracy(0, epoch=epoch)) for epoch in (1, 2, 3)]
    where = {"run_uuid": found["digits-s1"].info.run_id, "path": "sweep.yaml"}
    assert httpx.get(f"{server.url}/get-artifact", params=where).text.startswith("name: digits-s1")


def test_over_http_everything_arrives_once_though_the_server_goes_away(
    server: Server, folder: Path, story: Story
) -> None:
    story.sweep(mlflow={"experiment": "over http"})
    story.trial(0)
    copier = copier_of(story, mlflow=open_mlflow(server.url, folder=folder), registry=Registry(server.url))
    copy(copier)
    server.stop()
    story.epochs(0, last=3)
    story.end(0)
    story.whole(1)
    story.best(1)
    story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 9)
    begin = time.monotonic()
    with pytest.raises(MlflowException):
        copy(copier)
    assert time.monotonic() - begin < 5
    server.start()
    copy(copier)
    with story.database.write() as connection:
        runs.move(connection, 0)
    copy(copier_of(story, mlflow=open_mlflow(server.url, folder=folder), registry=Registry(server.url)))
    found = runs_of(server.url, experiment="over http")
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert set(found) == {"digits-s1", "#0 baseline", "#1"}
    for number, name in enumerate(("#0 baseline", "#1")):
        expected = [(epoch, accuracy(number, epoch=epoch)) for epoch in (1, 2, 3)]
        assert val_accuracy(server.url, found[name]) == expected
        assert found[name].data.tags["mlflow.parentRunId"] == found["digits-s1"].info.run_id
    where = {"run_uuid": found["digits-s1"].info.run_id, "path": "sweep.yaml"}
    assert httpx.get(f"{server.url}/get-artifact", params=where).text.startswith("name: digits-s1")


@pytest.fixture
def start(tmp_path: Path, story: Story) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the recorder's process on the story's folder and database; ends it with the test."""
    with recorder_processes(tmp_path, database_url=story.url) as begin:
        yield begin


def place(story: Story) -> int:
    with story.database.read() as connection:
        return runs.place(connection)


def test_the_process_copies_and_ends_with_its_supervisor(
    tmp_path: Path, story: Story, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    read_end, write_end = os.pipe()
    story.sweep()
    story.trial(0)
    process = start(lifeline=read_end)
    os.close(read_end)
    until(lambda: place(story) == 2)
    assert (tmp_path / "mlflow" / "ready").exists()
    story.epochs(0, last=3)
    os.close(write_end)
    assert process.wait(timeout=5) == 0
    assert place(story) == 5
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    found = client.get_experiment_by_name("ravine")
    assert found is not None
    assert len(client.search_runs([found.experiment_id])) == 2


def test_a_kill_in_the_middle_loses_and_doubles_nothing(
    tmp_path: Path, story: Story, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    story.sweep()
    mlflow = tmp_path / "mlflow" / "mlflow.db"
    for number in range(NUM_KILLED):
        story.whole(number)
    for num_copied in (0, 100):  # in its first and in its second portion
        process = start()
        until(partial(has_more_runs, mlflow, num_copied))
        process.kill()
        process.wait()
    story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + NUM_KILLED)
    start()
    until(lambda: place(story) == 5 * NUM_KILLED + 2)
    found = runs_of(f"sqlite:///{mlflow}", experiment="ravine")
    assert set(found) == {"digits-s1", "#0 baseline", *(f"#{number}" for number in range(1, NUM_KILLED))}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    for number in range(1, NUM_KILLED):
        expected = [(epoch, accuracy(number, epoch=epoch)) for epoch in (1, 2, 3)]
        assert val_accuracy(f"sqlite:///{mlflow}", found[f"#{number}"]) == expected


def has_more_runs(mlflow: Path, num_runs: int) -> bool:
    """Whether there are, in a database that another process makes and writes."""
    if not mlflow.exists():
        return False
    with closing(sqlite3.connect(mlflow)) as connection:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0]) > num_runs


def test_the_process_lives_without_mlflow_and_ends_on_sigterm(
    tmp_path: Path, story: Story, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    story.sweep()
    process = start(uri="http://127.0.0.1:9")
    until(lambda: b"recorder.away" in (tmp_path / "recorder.log").read_bytes())
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=5) == 0
    assert place(story) == 0


def test_two_processes_do_not_copy_at_once(
    tmp_path: Path, story: Story, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    first = start()
    until((tmp_path / "mlflow" / "ready").exists)
    (tmp_path / "mlflow" / "ready").unlink()
    second = start()
    until(lambda: b"recorder.waits" in (tmp_path / "recorder.log").read_bytes())
    story.sweep()
    until(lambda: place(story) == 1)
    assert not (tmp_path / "mlflow" / "ready").exists()
    first.terminate()
    assert first.wait(timeout=5) == 0
    until((tmp_path / "mlflow" / "ready").exists)
    second.terminate()
    assert second.wait(timeout=5) == 0
