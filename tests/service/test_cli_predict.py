"""`ravine predict` as a person types it, and the client under it, against an API that says what the test wrote."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import Client
from service.client_errors import Rejected, TryLater
from service.predict_schemas import PredictAnswer
from tests.service.scripted_api import Said, ScriptedApi, problem, scripted_api
from tests.service.test_cli import ravine

ANSWER = PredictAnswer(
    trial=3, predictions=["a, b", "c"], probabilities=[[0.75, 0.25], [0.1, 0.9]], classes=["a, b", "c"]
)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        serving.says("POST /v1/sweeps/s1/predict", Said(body=ANSWER.model_dump_json().encode()))
        yield serving


def test_a_csv_goes_in_and_a_csv_comes_out(api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,colour\n39,red\n,blue\n")
    done = ravine("predict", "s1", str(tmp_path / "rows.csv"), "--trial", "3", url=api.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['prediction,"probability_a, b",probability_c', '"a, b",0.75,0.25', "c,0.1,0.9"]
    (heard,) = api.heard
    assert heard.line == "POST /v1/sweeps/s1/predict?trial=3"
    assert heard.body == {"rows": [{"age": "39", "colour": "red"}, {"age": "", "colour": "blue"}]}


@pytest.mark.parametrize(("name", "text"), [("a.csv", "a,b\n1\n"), ("a.json", "{"), ("a.json", "[]"), ("b.csv", None)])
def test_a_file_that_holds_no_rows_is_typed_wrong(
    api: ScriptedApi, tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    done: subprocess.CompletedProcess[str] = ravine("predict", "s1", str(tmp_path / name), url=api.url)
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert api.heard == []


def test_the_client_predicts(api: ScriptedApi) -> None:
    with Client(api.url) as client:
        assert client.predict("s1", rows=[[1.0, 2.0]]) == ANSWER
        assert api.heard[0].line == "POST /v1/sweeps/s1/predict"
        api.says("POST /v1/sweeps/s1/predict", problem(503, detail="No worker."), problem(422, detail="row 1"))
        with pytest.raises(TryLater):
            client.predict("s1", rows=[[1.0]])
        with pytest.raises(Rejected):
            client.predict("s1", rows=[["x"]])
