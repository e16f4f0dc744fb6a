"""What lies beside the points of a run: its data, its files; nothing of it is lost or doubled."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.recorder.data_content import data_content
from service.recorder.mlflow_embedded import EmbeddedMlflow
from service.recorder.mlflow_errors import ArtifactsAway
from service.records import Dataset
from service.stores import datasets
from sweeps.states import SweepState, TrialState
from tests.service.recorder_house import House, empty_mlflow_in, everything_once, house_in
from tests.service.recorder_story import BEGIN
from trainer.catalog import DATASETS
from trainer.config import CheckpointRef
from trainer.facts import ProblemFacts
from trainer.task import RangeCurve

CURVE = RangeCurve(
    rates=[0.001, 0.01, 0.1, 1.0], losses=[2.2, 1.9, 0.8, None], first_loss=2.3, num_updates=50, low=0.005, high=0.2
)
PENGUINS = ProblemFacts(
    name="penguins",
    task="regression",
    description="Birds.",
    digest="5" * 64,
    num_train=60,
    num_validation=20,
    num_test=20,
    input_shape=(7,),
)


class Away(EmbeddedMlflow):
    """An MLflow whose place for artifacts can be away."""

    is_away = False

    def put_text(self, run_id: str, *, name: str, text: str) -> None:
        if self.is_away:
            raise ArtifactsAway("disk full")
        super().put_text(run_id, name=name, text=text)


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_mlflow_in(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def house(tmp_path: Path, empty_mlflow: Path, database_url: str) -> Iterator[House]:
    with house_in(tmp_path, empty=empty_mlflow, database_url=database_url, kind=Away) as house:
        yield house


def inputs(house: House, name: str) -> list[tuple[str, str, str]]:
    """The data sets of a run: name, digest and what MLflow says of their use."""
    found = house.runs()[name].inputs
    listed = found.dataset_inputs if found else []
    return [(one.dataset.name, one.dataset.digest, one.tags[0].value) for one in listed]


def test_a_sweep_names_its_data_once(house: House) -> None:
    house.story.sweep()
    house.story.whole(0)
    house.copy()
    house.replay()
    house.copy()
    expected = data_content(DATASETS["digits"])
    assert inputs(house, "digits-s1") == [("digits", expected.digest, "training")]
    assert inputs(house, "#0 baseline") == []


def test_an_uploaded_data_set_is_named_by_its_content(house: House) -> None:
    file = CheckpointRef(sha256="5" * 64, epoch=0, num_bytes=10)
    with house.story.database.write() as connection:
        datasets.add(connection, Dataset("penguins", 1, file, PENGUINS, {}, BEGIN))
    house.story.sweep(problem={"dataset": "penguins", "digest": "5" * 64})
    house.copy()
    assert inputs(house, "digits-s1") == [("penguins", "5" * 32, "training")]


def test_data_that_is_gone_holds_nothing_up(house: House) -> None:
    house.story.sweep(problem={"dataset": "penguins", "digest": "5" * 64})
    house.copy()
    assert inputs(house, "digits-s1") == []


def test_data_is_described_in_the_form_that_mlflow_reads() -> None:
    content = data_content(PENGUINS)
    assert json.loads(content.profile) == {"num_rows": 100, "num_train": 60, "num_validation": 20, "num_test": 20}
    schema = json.loads(content.schema)["mlflow_tensorspec"]
    assert json.loads(schema["features"])[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 7]}
    assert json.loads(schema["targets"])[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 1]}
    assert json.loads(content.source)["tags"]["ravine.digest"] == "5" * 64
    assert len(content.digest) <= 36


def test_what_ships_with_ravine_has_a_digest_of_its_own() -> None:
    digests = {data_content(facts).digest for facts in DATASETS.values()}
    assert len(digests) == len(DATASETS)


def test_a_failed_trial_shows_the_traceback_of_each_attempt(house: House) -> None:
    house.story.sweep()
    house.story.attempt(0, how="handed back")
    house.story.attempt(0, how="Traceback (most recent call last):\n  ...\nValueError: first")
    house.story.attempt(0, how="Traceback (most recent call last):\n  ...\nValueError: second")
    house.story.whole(0, state=TrialState.FAILED, reason="ValueError: second")
    house.story.whole(1)
    house.copy()
    text = house.artifacts("#0 baseline")["traceback.txt"]
    assert text == (
        "attempt 1 on worker w1:\nTraceback (most recent call last):\n  ...\nValueError: first\n\n"
        "attempt 2 on worker w1:\nTraceback (most recent call last):\n  ...\nValueError: second\n"
    )
    assert house.artifacts("#1") == {}


def test_a_range_test_is_shown_as_numbers_and_as_a_picture(house: House) -> None:
    house.story.sweep()
    house.copy()
    house.story.range_test(CURVE)
    house.copy()
    files = house.artifacts("digits-s1")
    assert RangeCurve.model_validate_json(files["range_test.json"]) == CURVE
    assert "Plotly.newPlot" in files["range_test.html"]
    params = house.runs()["digits-s1"].data.params
    assert (params["range_test.low"], params["range_test.high"]) == ("0.005", "0.2")


@pytest.mark.parametrize("restart", [False, True])
def test_files_that_could_not_be_put_are_put_later(house: House, *, restart: bool) -> None:
    assert isinstance(house.mlflow, Away)
    house.mlflow.is_away = True
    house.story.sweep()
    house.story.attempt(0, how="ValueError: no")
    house.story.whole(0, state=TrialState.FAILED)
    house.story.sweep_state(SweepState.COMPLETED, ended_at=BEGIN + 9)
    house.copy()
    assert house.runs()["#0 baseline"].info.status == "FAILED"
    assert house.place() == 0
    house.mlflow.is_away = False
    if restart:
        house.restart()
    house.copy(now=30.0)
    assert house.artifacts("#0 baseline")["traceback.txt"].endswith("ValueError: no\n")
    assert set(house.artifacts("digits-s1")) == {"sweep.yaml"}
    assert house.place() == 7


def test_metrics_do_not_wait_for_artifacts(house: House) -> None:
    assert isinstance(house.mlflow, Away)
    house.mlflow.is_away = True
    house.story.sweep()
    house.story.whole(0)
    house.copy(now=0.0)
    everything_once(house, num_trials=1)
    house.mlflow.is_away = False
    house.copy(now=0.9)
    assert house.artifacts("digits-s1") == {}
    house.copy(now=1.0)
    assert set(house.artifacts("digits-s1")) == {"sweep.yaml"}


def test_a_sweep_that_is_deleted_needs_no_files(house: House) -> None:
    assert isinstance(house.mlflow, Away)
    house.mlflow.is_away = True
    house.story.sweep()
    house.copy()
    house.story.delete(with_runs=True)
    house.copy()
    assert house.place() == 2
