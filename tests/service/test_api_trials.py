"""Trials, epochs, problems and health over HTTP."""

import httpx
import pytest

from tests.service.api_house import ApiHouse, problem
from tests.service.scripted_worker import ScriptedWorker

TRIAL_FIELDS = {
    "number", "state", "settings", "value", "best_epoch", "seed", "num_epochs", "attempts", "engine",
    "engine_reason", "worker", "mlflow_run_id", "reason", "started_at", "ended_at",
}  # fmt: skip


def test_posted_settings_become_a_trial(api_house: ApiHouse) -> None:
    sweep = api_house.create(first=[])
    answer = api_house.ask("POST", f"/v1/sweeps/{sweep}/trials", json={"settings": {"momentum": 0.5}})
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/sweeps/{sweep}/trials/0")
    body = answer.json()
    assert set(body) == TRIAL_FIELDS
    assert (body["state"], body["settings"]["momentum"], body["engine"]) == ("WAITING", 0.5, None)
    assert body["engine_reason"] is None
    assert api_house.get(answer.headers["location"]) == body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"settings": {"momentum": 5}}, "settings.momentum"),
        ({"settings": {"momentun": 0.5}}, "settings.momentun"),
        ({"settings": {"momentum": [0.5]}}, "settings.momentum"),
        ({"settings": {"momentum": None}}, "settings.momentum"),
        ({"settings": []}, "settings"),
        ({"setting": {}}, "settings"),
        ({"settings": {}, "x": 1}, "x"),
    ],
)
def test_settings_that_cannot_be_name_their_field(api_house: ApiHouse, body: object, field: str) -> None:
    sweep = api_house.create(first=[])
    errors = problem(api_house.ask("POST", f"/v1/sweeps/{sweep}/trials", json=body), 422)["errors"]
    assert any(error["field"].startswith(field) for error in errors)
    assert api_house.get(f"/v1/sweeps/{sweep}/trials")["items"] == []


def test_pages_of_trials_and_epochs(api_house: ApiHouse) -> None:
    sweep = api_house.create(budget={"trials": 5, "epochs": 3})
    worker = ScriptedWorker(api_house.house.coordinator)
    worker.value_of = lambda _trial, epoch: None if epoch == 2 else 0.5
    worker.work(max_trials=4)
    trials = f"/v1/sweeps/{sweep}/trials"
    first = api_house.get(f"{trials}?page_size=3")
    rest = api_house.get(f"{trials}?page_size=3&page_token={first['next_page_token']}")
    assert [trial["number"] for trial in first["items"] + rest["items"]] == [0, 1, 2, 3]
    assert rest["next_page_token"] is None
    assert api_house.get(f"{trials}?state=FAILED&state=PRUNED")["items"] == []
    epochs = api_house.get(f"{trials}/0/epochs?page_size=2")
    assert [(one["epoch"], one["metrics"]["val_accuracy"]) for one in epochs["items"]] == [(1, 0.5), (2, None)]
    last = api_house.get(f"{trials}/0/epochs?page_size=2&page_token={epochs['next_page_token']}")
    assert ([one["epoch"] for one in last["items"]], last["next_page_token"]) == ([3], None)


@pytest.mark.parametrize("path", ["/trials/99", "/trials/99/epochs"])
def test_a_trial_that_is_not_there(api_house: ApiHouse, path: str) -> None:
    sweep = api_house.create()
    assert "no trial 99" in problem(api_house.ask("GET", f"/v1/sweeps/{sweep}{path}"), 404)["detail"]


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "99999999999999999999"])
def test_a_number_that_cannot_be(api_house: ApiHouse, number: str) -> None:
    sweep = api_house.create()
    problem(api_house.ask("GET", f"/v1/sweeps/{sweep}/trials/{number}"), 422)


@pytest.mark.parametrize("sweep_id", ["none", "x" * 500, "%00", "a%20b", "..", "%F0%9F%A6%8A", "'; DROP TABLE sweep"])
def test_a_sweep_that_is_not_there(api_house: ApiHouse, sweep_id: str) -> None:
    for path in (f"/v1/sweeps/{sweep_id}", f"/v1/sweeps/{sweep_id}/trials"):
        problem(api_house.ask("GET", path), 404)


def test_problems_say_what_can_be_trained(api_house: ApiHouse) -> None:
    page = api_house.get("/v1/problems")
    by_name = {one["name"]: one for one in page["items"]}
    assert page["next_page_token"] is None
    assert set(by_name) == {"digits", "breast_cancer", "wine", "diabetes", "quadratic"}
    shape = {"name", "kind", "task", "models", "metrics", "settings", "source", "digest", "presets"}
    assert set(by_name["digits"]) == shape
    assert (by_name["quadratic"]["models"], "val_r2" in by_name["diabetes"]["metrics"]) == ([], True)


def test_health_and_figures(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    ScriptedWorker(api_house.house.coordinator, slots=4)
    assert api_house.get("/healthz") == api_house.get("/readyz") == {"status": "ok"}
    figures = api_house.ask("GET", "/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    for line in ('ravine_sweeps{state="PENDING"} 1.0', 'ravine_trials{state="WAITING"} 1.0', "ravine_slots 4.0"):
        assert line in figures.text
    assert sweep


def test_what_is_not_there_and_what_is_not_allowed(api_house: ApiHouse) -> None:
    problem(api_house.ask("GET", "/v2"), 404)
    answer: httpx.Response = api_house.ask("PUT", "/v1/sweeps")
    problem(answer, 405)
    assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]
    problem(api_house.ask("POST", "/v1/sweeps/abc:fly"), 405)
