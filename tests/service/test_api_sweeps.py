"""Sweeps over HTTP: creating, listing, changing, the answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.records import MlflowRun
from service.stores import runs
from service.stores.runs import PARENT
from tests.service.api_house import SMALL, ApiHouse, problem
from tests.service.scripted_worker import ScriptedWorker

SWEEP_FIELDS = {
    "id", "name", "state", "reason", "warnings", "spec", "trial_counts", "best", "budget", "mlflow",
    "export", "engines", "range_test", "created_at", "started_at", "ended_at",
}  # fmt: skip


def test_create_answers_the_sweep_and_where_it_is(api_house: ApiHouse) -> None:
    answer = api_house.ask("POST", "/v1/sweeps", json={"problem": {"dataset": "digits"}})
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/sweeps/{body['id']}")
    assert set(body) == SWEEP_FIELDS
    assert api_house.get(answer.headers["location"]) == body
    assert (body["state"], body["trial_counts"], body["best"]) == ("PENDING", {"WAITING": 1}, None)
    assert body["budget"] == {"trials": 200, "trials_finished": 0, "seconds": None, "seconds_spent": 0.0}
    assert body["mlflow"] | {"pending": 0} == {
        "experiment_id": None,
        "run_id": None,
        "url": None,
        "trials_url": None,
        "model": None,
        "pending": 0,
    }
    assert body["created_at"].endswith("Z")


def test_a_sweep_says_where_its_winner_is_registered(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    run = MlflowRun(sweep, PARENT, "1", "abc", model_name="digits-s", model_version="2")
    with api_house.house.database.write() as connection:
        runs.store(connection, [run])
    expected = {"name": "digits-s", "version": "2", "uri": "models:/digits-s/2"}
    assert api_house.get(f"/v1/sweeps/{sweep}")["mlflow"]["model"] == expected


def test_validate_only_answers_the_spec_and_writes_nothing(api_house: ApiHouse) -> None:
    answer = api_house.ask("POST", "/v1/sweeps?validate_only=true", json=SMALL, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200
    learning_rate: dict[str, object] = {
        "low": 0.0001,
        "high": 1.0,
        "log": True,
        "step": None,
        "integer": False,
        "when": {},
    }
    assert answer.json()["spec"]["space"]["learning_rate"] == learning_rate
    problem(api_house.ask("POST", "/v1/sweeps?validate_only=true", json={**SMALL, "seed": -1}), 422)
    assert api_house.get("/v1/sweeps")["items"] == []


def test_an_idempotency_key_over_http(api_house: ApiHouse) -> None:
    def post(_number: int) -> str:
        answer = api_house.ask("POST", "/v1/sweeps", json=SMALL, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 201
        return str(answer.json()["id"])

    with ThreadPoolExecutor(max_workers=20) as threads:
        made = set(threads.map(post, range(100)))
    assert len(made) == 1
    other = api_house.ask("POST", "/v1/sweeps", json={**SMALL, "seed": 1}, headers={"Idempotency-Key": "once"})
    assert "Idempotency-Key" in problem(other, 422)["detail"]
    assert problem(other, 422)["errors"][0]["field"] == "Idempotency-Key"
    problem(api_house.ask("POST", "/v1/sweeps", json=SMALL, headers={"Idempotency-Key": "k" * 256}), 422)
    assert len(api_house.get("/v1/sweeps")["items"]) == 1


def test_pages_of_sweeps_from_the_newest_down(api_house: ApiHouse) -> None:
    made = [api_house.create() for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"page_size": 2}
    for _ in range(3):
        page = api_house.get("/v1/sweeps", params=query)
        seen += [sweep["id"] for sweep in page["items"]]
        query["page_token"] = page["next_page_token"]
    assert (seen, query["page_token"]) == (made[::-1], None)
    api_house.ask("POST", f"/v1/sweeps/{made[1]}:cancel")
    api_house.ask("POST", f"/v1/sweeps/{made[2]}:pause")
    chosen = api_house.get("/v1/sweeps?state=CANCELLED&state=PAUSED")["items"]
    assert [sweep["id"] for sweep in chosen] == [made[2], made[1]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=many", "page_size"),
        ("page_token=%21%21", "page_token"),
        ("page_token=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "page_token"),
        ("page_token=LTU", "page_token"),
        ("page_token=" + "A" * 201, "page_token"),
        ("state=ASLEEP", "state.0"),
    ],
)
def test_a_wrong_query_names_its_field(api_house: ApiHouse, query: str, field: str) -> None:
    sweep = api_house.create()
    for path in ("/v1/sweeps", f"/v1/sweeps/{sweep}/trials", f"/v1/sweeps/{sweep}/trials/0/epochs"):
        if "state" in query and path.endswith("epochs"):
            continue
        body = problem(api_house.ask("GET", f"{path}?{query}"), 422)
        assert [error["field"] for error in body["errors"]] == [field]


@pytest.mark.parametrize(
    ("verb", "state", "again"),
    [("pause", "PAUSED", "PAUSED"), ("stop", "STOPPED", "STOPPED"), ("cancel", "CANCELLED", "CANCELLED")],
)
def test_verbs_answer_202_with_the_sweep_and_409_where_they_cannot(
    api_house: ApiHouse, verb: str, state: str, again: str
) -> None:
    sweep = api_house.create()
    for expected in (state, again):
        answer = api_house.ask("POST", f"/v1/sweeps/{sweep}:{verb}")
        assert (answer.status_code, answer.json()["state"]) == (202, expected)
    if verb != "pause":
        for other in ("pause", "resume"):
            assert state in problem(api_house.ask("POST", f"/v1/sweeps/{sweep}:{other}"), 409)["detail"]
        problem(api_house.ask("POST", f"/v1/sweeps/{sweep}:extend", json={"trials": 1}), 409)
        trial = problem(api_house.ask("POST", f"/v1/sweeps/{sweep}/trials", json={"settings": {}}), 409)
        assert ":extend" in trial["detail"]


@pytest.mark.parametrize("body", [{}, {"trials": 0}, {"trials": -1}, {"trials": 1.5}, {"trial": 1}, {"seconds": 5}, []])
def test_an_extension_that_says_nothing_is_refused(api_house: ApiHouse, body: object) -> None:
    sweep = api_house.create()
    assert problem(api_house.ask("POST", f"/v1/sweeps/{sweep}:extend", json=body), 422)["errors"]
    assert api_house.get(f"/v1/sweeps/{sweep}")["budget"]["trials"] == 3


def test_the_answer_stands_against_the_baseline(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    problem(api_house.ask("GET", f"/v1/sweeps/{sweep}/best"), 404)
    ScriptedWorker(api_house.house.coordinator).work()
    best = api_house.get(f"/v1/sweeps/{sweep}/best")
    trials = api_house.get(f"/v1/sweeps/{sweep}/trials")["items"]
    assert set(best) == {"trial", "settings", "value", "baseline", "difference", "warnings"}
    assert (best["trial"], best["settings"], best["value"]) == (2, trials[2]["settings"], trials[2]["value"])
    assert best["baseline"] == {"trial": 0, "value": trials[0]["value"]}
    assert best["difference"] == pytest.approx(trials[2]["value"] - trials[0]["value"])
    shown = api_house.get(f"/v1/sweeps/{sweep}")
    assert shown["best"] == {"number": 2, "value": best["value"], "settings": best["settings"]}
    assert (shown["state"], shown["trial_counts"]) == ("COMPLETED", {"COMPLETED": 3})
    assert shown["started_at"] <= shown["ended_at"]


def test_the_answer_without_a_baseline_and_at_an_edge(api_house: ApiHouse) -> None:
    sweep = api_house.create(first=[{"momentum": 0.99}], budget={"trials": 1, "epochs": 1})
    ScriptedWorker(api_house.house.coordinator).work()
    best = api_house.get(f"/v1/sweeps/{sweep}/best")
    assert (best["baseline"], best["difference"]) == (None, None)
    assert any("momentum" in warning for warning in best["warnings"])


def test_delete_is_for_final_sweeps(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    assert ":cancel" in problem(api_house.ask("DELETE", f"/v1/sweeps/{sweep}"), 409)["detail"]
    api_house.ask("POST", f"/v1/sweeps/{sweep}:cancel")
    deleted = api_house.ask("DELETE", f"/v1/sweeps/{sweep}?mlflow_runs=true")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for path in ("", "/trials", "/best", "/events", "/trials/0"):
        problem(api_house.ask("GET", f"/v1/sweeps/{sweep}{path}"), 404)
    problem(api_house.ask("DELETE", f"/v1/sweeps/{sweep}"), 404)


def test_too_wide_a_sweep_for_its_sampler_is_warned_of(api_house: ApiHouse) -> None:
    wide = {"sampler": {"kind": "tpe"}, "budget": {"trials": 60, "parallel": 64}}
    answer = api_house.ask("POST", "/v1/sweeps?validate_only=true", json={**SMALL, **wide}).json()
    assert any("parallel" in warning for warning in answer["warnings"])
    sweep = api_house.create(**wide)
    ScriptedWorker(api_house.house.coordinator).work(max_trials=1)
    assert any("parallel" in warning for warning in api_house.get(f"/v1/sweeps/{sweep}/best")["warnings"])
    narrow = {"sampler": {"kind": "tpe"}, "budget": {"trials": 60, "parallel": 6}}
    assert api_house.ask("POST", "/v1/sweeps?validate_only=true", json={**SMALL, **narrow}).json()["warnings"] == []
