"""The winner in MLflow's registry: once per export, and usable where there is no Ravine."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException

from service.recorder.champion_name import model_name
from service.recorder.mlflow_embedded import open_mlflow
from service.recorder.registry import Registry
from service.stores import events, runs
from sweeps.states import SweepState
from tests.service.exported_files import FLOWER_ROWS, FLOWERS, IMAGE_ROWS, IMAGES, OWN, OWN_ROWS, export_in
from tests.service.faulty_registries import Faulty, Frozen, Older
from tests.service.mlflow_server import Server
from tests.service.recorder_house import NOWHERE
from tests.service.recorder_story import BEGIN, Story
from tests.service.registry_house import RegistryHouse
from trainer.config import CheckpointRef

# Loads champions where nothing of Ravine is found, and answers their examples: by hand, and as a server would.
ELSEWHERE = """
import json, sys, warnings
sys.modules.update(trainer=None, service=None, sweeps=None)
warnings.simplefilter("ignore")
import mlflow
from mlflow.models.utils import load_serving_example, validate_serving_input
mlflow.set_tracking_uri(sys.argv[1])
for name in sys.argv[2:]:
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    answers = model.predict(model.input_example)
    request = load_serving_example(f"models:/{name}@champion")
    served = validate_serving_input(f"models:/{name}@champion", request)
    assert list(served) == list(answers) and (served == answers).all(axis=None)
    outputs = model.metadata.get_output_schema()
    assert outputs is None or outputs.input_names() == list(answers)
    print(json.dumps(answers.to_dict(orient="list")))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("home") / "mlflow"
    open_mlflow(None, folder=folder).close()
    server = Server(folder)
    yield server
    server.stop()


@pytest.fixture
def house(tmp_path: Path, server: Server, database_url: str) -> Iterator[RegistryHouse]:
    story = Story(tmp_path, database_url=database_url)
    house = RegistryHouse(story, folder=server.folder, url=server.url)
    yield house
    house.mlflow.close()
    story.database.close()


def test_champions_answer_where_there_is_no_ravine_as_their_exports_do(house: RegistryHouse) -> None:
    made = {
        "table": export_in(house.story.files, preprocessing=FLOWERS, rows=FLOWER_ROWS),
        "images": export_in(house.story.files, preprocessing=IMAGES, rows=IMAGE_ROWS),
        "own": export_in(house.story.files, preprocessing=OWN, rows=OWN_ROWS),
    }
    for sweep_id, (file, _) in made.items():
        house.ended(sweep_id, file=file)
    house.copy()
    command = [sys.executable, "-I", "-c", ELSEWHERE, house.url, *(f"digits-{name}" for name in made)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    table, images, own = map(json.loads, done.stdout.splitlines())
    example = made["table"][1].output_example
    assert table["prediction"] == example["predictions"]
    for index, name in enumerate(("setosa", "virginica")):
        expected = [row[index] for row in example["probabilities"]]
        assert table[f"probability_{name}"] == pytest.approx(expected, abs=1e-9)
    assert images == {"prediction": pytest.approx(made["images"][1].output_example["predictions"], abs=1e-6)}
    assert list(zip(own["prediction_0"], own["prediction_1"], strict=True)) == [
        pytest.approx(row, abs=1e-6) for row in made["own"][1].output_example["predictions"]
    ]


def test_a_champion_says_where_it_comes_from(house: RegistryHouse) -> None:
    house.ended("s1", file=house.flowers())
    house.copy()
    house.once("s1")
    (version,) = house.versions("s1")
    assert version.run_id == house.row("s1").run_id
    assert version.tags["ravine.sweep"] == "s1"
    assert version.source is not None
    model = house.client.get_logged_model(version.source.removeprefix("models:/"))
    assert (model.name, model.params["learning_rate"]) == ("trial-0", "0.25")
    assert model.tags["mlflow.modelVersions"] == '[{"name": "digits-s1", "version": 1}]'


def test_another_export_of_a_sweep_is_the_next_version(house: RegistryHouse) -> None:
    house.ended("again", file=house.flowers())
    house.copy()
    house.story.sweep_state(SweepState.RUNNING, sweep_id="again")
    house.copy()
    house.story.sweep_state(SweepState.COMPLETED, sweep_id="again", ended_at=BEGIN + 20)
    house.story.export(0, sweep_id="again", file=house.flowers(seed=1))
    house.copy()
    assert house.champion("again") == house.row("again").model_version == "2"
    assert len(house.versions("again")) == 2


@pytest.mark.parametrize("with_runs", [True, False])
def test_a_deleted_sweep_takes_its_models_along_when_its_runs_go(house: RegistryHouse, *, with_runs: bool) -> None:
    sweep_id = f"gone-{with_runs}"
    house.ended(sweep_id, file=house.flowers())
    house.copy()
    experiment_id = house.row(sweep_id).experiment_id
    assert experiment_id is not None
    house.story.delete(sweep_id, with_runs=with_runs)
    house.copy()
    left = 0 if with_runs else 1
    assert len(house.versions(sweep_id)) == left
    assert len(list(house.client.search_logged_models([experiment_id]))) == left
    if with_runs:
        with pytest.raises(MlflowException, match="not found"):
            house.client.get_registered_model(f"digits-{sweep_id}")


def test_a_file_that_holds_no_model_holds_nothing_up(house: RegistryHouse) -> None:
    house.story.files.mkdir()
    house.ended("broken", file=CheckpointRef(sha256="0" * 64, epoch=1, num_bytes=5))
    house.copy()
    assert house.row("broken").model_version is None
    with house.story.database.read() as connection:
        assert runs.place(connection) == 9


def test_a_server_that_is_away_is_waited_for(house: RegistryHouse) -> None:
    house.restart(registry=Registry(NOWHERE))
    house.ended("late", file=house.flowers())
    house.copy()
    with house.story.database.read() as connection:
        assert runs.place(connection) == 0
    house.restart()
    house.copy()
    house.once("late")


def test_what_a_crash_in_the_middle_of_an_upload_left_behind_is_completed(house: RegistryHouse) -> None:
    file = house.flowers()
    house.story.sweep("half", mlflow={"experiment": "half"})
    house.story.whole(0, sweep_id="half")
    house.copy()
    row = house.row("half")
    assert row.experiment_id is not None
    assert row.run_id is not None
    tags = {"ravine.sweep": "half", "ravine.export": file.sha256}
    left = house.client.create_logged_model(row.experiment_id, source_run_id=row.run_id, tags=tags)
    house.client.log_outputs(row.run_id, models=[LoggedModelOutput(left.model_id, step=3)])
    house.story.sweep_state(SweepState.COMPLETED, sweep_id="half", ended_at=BEGIN + 9)
    house.story.export(0, sweep_id="half", file=file)
    house.copy()
    house.once("half")


@pytest.mark.parametrize("knows_experiments", [True, False])
def test_an_mlflow_without_models_holds_nothing_up_and_a_lost_one_is_waited_for(
    house: RegistryHouse, *, knows_experiments: bool
) -> None:
    sweep_id = f"older-{knows_experiments}"
    kind = type("OlderHere", (Older,), {"knows_experiments": knows_experiments})
    with HTTPServer(("127.0.0.1", 0), kind) as older:
        thread = threading.Thread(target=older.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        house.restart(registry=Registry(f"http://127.0.0.1:{older.server_port}"))
        house.ended(sweep_id, file=house.flowers())
        house.copy()
        older.shutdown()
        thread.join()
    with house.story.database.read() as connection:
        assert runs.place(connection) == (events.latest_id(connection) if knows_experiments else 0)
    if not knows_experiments:
        house.restart()
        house.copy()
        house.once(sweep_id)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_fault_at_any_step_makes_one_version(house: RegistryHouse, *, after: bool, restart: bool) -> None:
    registry = Faulty(house.url)
    registry.after = after
    house.restart(registry=registry)
    for fail_at in range(5):
        registry.num_calls, registry.fail_at = 0, fail_at
        sweep_id = f"fault-{after}-{restart}-{fail_at}"
        house.ended(sweep_id, file=house.flowers())
        house.copy(now=100.0 * fail_at)
        if restart:
            house.restart(registry=registry)
        house.copy(now=100.0 * fail_at + 50)
        house.once(sweep_id)
    assert registry.num_calls == 4  # each of four calls failed once, the fifth time none


def test_what_a_frozen_server_makes_late_is_deleted(house: RegistryHouse) -> None:
    house.restart(registry=Frozen(house.url))
    house.ended("frozen", file=house.flowers())
    house.copy()
    house.once("frozen")


def test_a_version_that_a_user_promoted_to_a_name_of_his_own_is_left_alone(house: RegistryHouse) -> None:
    house.ended("mine", file=house.flowers())
    house.copy()
    house.client.copy_model_version("models:/digits-mine@champion", "in production")
    house.restart()
    house.story.export(0, sweep_id="mine", file=house.flowers())
    house.copy()
    house.once("mine")
    house.story.delete("mine", with_runs=True)
    house.copy()
    assert house.versions("mine") == []
    assert len(house.client.search_model_versions("name = 'in production'")) == 1


def test_a_version_that_a_user_copied_back_keeps_its_model(house: RegistryHouse) -> None:
    """Its source is the user's own version, which lives on the one model that there is."""
    house.ended("back", file=house.flowers())
    house.copy()
    house.client.copy_model_version("models:/digits-back@champion", "mine.back")
    house.client.delete_model_version("digits-back", "1")
    house.client.copy_model_version("models:/mine.back/1", "digits-back")
    house.restart()
    house.story.export(0, sweep_id="back", file=house.flowers())
    house.copy()
    assert house.champion("back") == "2"
    experiment_id = house.row("back").experiment_id
    assert experiment_id is not None
    assert len(house.client.search_logged_models([experiment_id])) == 1


@pytest.mark.parametrize(
    ("name", "expected"), [("digits sgd", "digits sgd"), ("a:b@c?", "a-b-c-"), ("..", "-"), ("naïve 50%", "naïve 50-")]
)
def test_the_name_of_a_model_fits_its_address(name: str, expected: str) -> None:
    assert model_name(name) == expected
