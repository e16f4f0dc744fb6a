"""Predictions over HTTP, by a worker that the test plays."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.service.api_house import ApiHouse, problem
from tests.service.json_schema import faults
from tests.service.scripted_worker import ScriptedWorker, checkpoint
from trainer.report import WeightsNote
from trainer.task import Predict, Prediction, Task, TaskResult

ROWS = {"rows": [[0.0] * 64]}
SAID = Prediction(predictions=[3], probabilities=[[0.25, 0.75]], classes=[1, 3])


@pytest.fixture
def worker(api_house: ApiHouse) -> ScriptedWorker:
    return ScriptedWorker(api_house.house.coordinator)


def begin(api_house: ApiHouse, worker: ScriptedWorker, *, num_trials: int = 1, **spec: Any) -> str:
    """A sweep that still runs, with the weights of its first trials."""
    sweep_id = api_house.create(**{"keep": {"weights": 2}, **spec})
    for letter in "abc"[:num_trials]:
        (assignment,) = worker.take()
        worker.finish(assignment.attempt)
        worker.say(weights=(WeightsNote(attempt=assignment.attempt, weights=checkpoint(letter)),))
    return sweep_id


def served(
    api_house: ApiHouse, worker: ScriptedWorker, path: str, *, result: Callable[[int], TaskResult], **options: Any
) -> tuple[httpx.Response, Task]:
    """The answer to a POST, and the task that the worker did for it as soon as it was woken."""
    coordinator = api_house.house.coordinator
    count = coordinator.work.count
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(api_house.ask, "POST", path, **options)
        asyncio.run(coordinator.work.wait(count, seconds=10))
        (task,) = worker.say().tasks
        worker.say(task_results=(result(task.id),))
        return asked.result(timeout=10), task


def says(number: int) -> TaskResult:
    return TaskResult(task=number, value=SAID)


def test_a_running_sweep_predicts_with_its_best_trial(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    sweep_id = begin(api_house, worker, num_trials=2)
    answer, task = served(api_house, worker, f"/v1/sweeps/{sweep_id}/predict", result=says, json=ROWS)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"trial": 1, **SAID.model_dump(exclude={"kind"})}
    document = api_house.get("/openapi.json")
    operation = document["paths"]["/v1/sweeps/{sweep_id}/predict"]["post"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(faults(document, schema, answer.json())) == []
    request = operation["requestBody"]["content"]["application/json"]["schema"]
    assert list(faults(document, request, ROWS)) == []
    assert isinstance(task.body, Predict)
    assert (task.body.weights, task.body.rows) == (checkpoint("b"), ROWS["rows"])
    assert task.body.problem.dataset == "digits"


def test_another_trial_can_be_named(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    sweep_id = begin(api_house, worker, num_trials=2)
    answer, task = served(api_house, worker, f"/v1/sweeps/{sweep_id}/predict?trial=0", result=says, json=ROWS)
    assert answer.json()["trial"] == 0
    assert isinstance(task.body, Predict)
    assert task.body.weights == checkpoint("a")


def test_a_csv_is_taken_too(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    sweep_id = begin(api_house, worker)
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    options: dict[str, Any] = {"content": "a,b\n1,x\n", "headers": headers}
    answer, task = served(api_house, worker, f"/v1/sweeps/{sweep_id}/predict", result=says, **options)
    assert answer.status_code == 200
    assert isinstance(task.body, Predict)
    assert task.body.rows == [{"a": "1", "b": "x"}]


def test_rows_that_the_worker_refuses_are_a_422_that_names_the_place(
    api_house: ApiHouse, worker: ScriptedWorker
) -> None:
    def refuses(number: int) -> TaskResult:
        return TaskResult(task=number, error="row 1, column 'age': 'x' is no number; give one", fault=True)

    path = f"/v1/sweeps/{begin(api_house, worker)}/predict"
    (error,) = problem(served(api_house, worker, path, result=refuses, json=ROWS)[0], 422)["errors"]
    assert error == {"field": "row 1, column 'age'", "message": "'x' is no number", "mend": "give one"}


def test_what_fails_at_the_worker_is_a_503(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    path = f"/v1/sweeps/{begin(api_house, worker)}/predict"
    answer, _ = served(api_house, worker, path, result=lambda one: TaskResult(task=one, error="boom"), json=ROWS)
    assert "boom" in problem(answer, 503)["detail"]


def test_without_a_worker_it_is_a_503_that_says_when_to_come_again(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    path = f"/v1/sweeps/{begin(api_house, worker)}/predict"
    answer = api_house.ask("POST", f"{path}?wait_seconds=0.05", json=ROWS)
    assert "No worker" in problem(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    api_house.house.pass_time(1.0)
    assert worker.say().tasks == ()


def test_where_there_are_no_weights_it_is_said_what_to_do(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    nowhere = api_house.ask("POST", "/v1/sweeps/nowhere/predict", json=ROWS)
    assert "GET /v1/sweeps" in problem(nowhere, 404)["detail"]
    untrained = api_house.ask("POST", f"/v1/sweeps/{api_house.create()}/predict", json=ROWS)
    assert "ask again" in problem(untrained, 404)["detail"]
    ended = api_house.create()
    api_house.ask("POST", f"/v1/sweeps/{ended}:cancel")
    said = problem(api_house.ask("POST", f"/v1/sweeps/{ended}/predict", json=ROWS), 404)["detail"]
    assert "the sweep is CANCELLED" in said
    worker.work()
    none_kept = begin(api_house, worker, num_trials=3, keep={"weights": 0})
    assert "keep.weights" in problem(api_house.ask("POST", f"/v1/sweeps/{none_kept}/predict", json=ROWS), 409)["detail"]


def test_a_trial_whose_weights_were_not_kept_is_told_of_those_that_are(
    api_house: ApiHouse, worker: ScriptedWorker
) -> None:
    sweep_id = begin(api_house, worker, num_trials=3)
    answer = api_house.ask("POST", f"/v1/sweeps/{sweep_id}/predict?trial=0", json=ROWS)
    assert "Those of 1, 2 are" in problem(answer, 409)["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"a,b\n1,2\n", 400), (b"{}", 422), (b'{"rows": [[NaN]]}', 422), (b"[" * 9999, 400)],
)
def test_bodies_that_are_no_rows_are_refused(
    api_house: ApiHouse, worker: ScriptedWorker, body: bytes, status: int
) -> None:
    path = f"/v1/sweeps/{begin(api_house, worker)}/predict"
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = api_house.ask("POST", path, content=body, headers={"Content-Type": content_type})
        assert problem(answer, status)["errors"]


def test_an_ended_sweep_tells_of_its_export(api_house: ApiHouse, worker: ScriptedWorker) -> None:
    sweep_id = begin(api_house, worker, num_trials=3)
    assert api_house.get(f"/v1/sweeps/{sweep_id}")["export"] == {"state": "WAITING", "trial": 2, "reason": None}
    events = api_house.ask("GET", f"/v1/sweeps/{sweep_id}/events").text
    assert '"kind":"sweep.export"' in events.replace(" ", "")
