"""The recorder as a team has it: PostgreSQL on both sides, and between them nothing but HTTP."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from service.stores import events, runs
from sweeps.states import SweepState
from tests.databases import PostgresDatabases
from tests.service.exported_files import IMAGE_ROWS, IMAGES, export_in
from tests.service.mlflow_server import Server, until
from tests.service.recorder_processes import recorder_processes
from tests.service.recorder_story import BEGIN, Story, accuracy

NUM_TRIALS = 12
EXPERIMENT = "a team's"


@pytest.fixture
def story(tmp_path: Path, postgres: PostgresDatabases) -> Iterator[Story]:
    url = postgres.new()
    story = Story(tmp_path, database_url=url)
    yield story
    story.database.close()
    postgres.drop(url)


@pytest.fixture
def mlflow_store(postgres: PostgresDatabases) -> str:
    """An empty database, for MLflow alone."""
    return postgres.for_service()["RAVINE_DATABASE_URL"]


@pytest.fixture
def server(tmp_path: Path, mlflow_store: str) -> Iterator[Server]:
    folder = tmp_path / "mlflow"
    folder.mkdir()
    server = Server(folder, store=mlflow_store)
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path: Path, story: Story, server: Server) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the recorder's process; ends it with the test."""
    with recorder_processes(tmp_path, database_url=story.url) as begin:
        yield partial(begin, uri=server.url)


def listed(client: MlflowClient) -> list[Run]:
    found = client.get_experiment_by_name(EXPERIMENT)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def val_accuracy(client: MlflowClient, run: Run) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "val_accuracy")]


def test_kills_in_the_middle_neither_lose_nor_double_anything(
    story: Story,
    server: Server,
    postgres: PostgresDatabases,
    mlflow_store: str,
    start: Callable[[], subprocess.Popen[bytes]],
) -> None:
    client = MlflowClient(tracking_uri=server.url)
    file, _ = export_in(story.files, preprocessing=IMAGES, rows=IMAGE_ROWS)
    story.sweep(mlflow={"experiment": EXPERIMENT})
    for number in range(NUM_TRIALS):
        story.whole(number)
    first = start()
    until(lambda: len(listed(client)) > 1)
    first.kill()  # in the middle of making the runs, most likely: none of their ids is stored then
    first.wait()
    story.best(NUM_TRIALS - 1)
    story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 99)
    story.export(NUM_TRIALS - 1, file=file)
    start()
    until(lambda: "FINISHED" in {run.info.status for run in listed(client)})
    others = "datname = current_database() AND pid <> pg_backend_pid()"  # what a restart of the server does to them
    postgres.server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}", url=mlflow_store)
    until(lambda: all_copied(story))
    found = listed(client)
    keys = ["s1", *(f"s1/{number}" for number in range(NUM_TRIALS))]
    assert Counter(run.data.tags["ravine.trial"] for run in found) == Counter(keys)
    assert {run.info.status for run in found} == {"FINISHED"}
    by_key = {run.data.tags["ravine.trial"]: run for run in found}
    for number, key in enumerate(keys[1:]):
        expected = [(epoch, accuracy(number, epoch=epoch)) for epoch in (1, 2, 3)]
        assert val_accuracy(client, by_key[key]) == expected
        assert by_key[key].data.tags["mlflow.parentRunId"] == by_key["s1"].info.run_id
    assert [str(one.version) for one in client.search_model_versions("name = 'digits-s1'")] == ["1"]
    assert str(client.get_model_version_by_alias("digits-s1", "champion").version) == "1"


def all_copied(story: Story) -> bool:
    with story.database.read() as connection:
        return runs.place(connection) == events.latest_id(connection)
