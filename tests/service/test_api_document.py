"""The OpenAPI document: what it says is what comes."""

from typing import Any

import pytest

from service.routes.documented import EXAMPLES
from tests.service.api_house import SMALL, ApiHouse
from tests.service.json_schema import faults
from tests.service.scripted_worker import ScriptedWorker

OPERATIONS = [
    ("GET", "/v1/sweeps"),
    ("GET", "/v1/sweeps/{sweep_id}"),
    ("GET", "/v1/sweeps/{sweep_id}/best"),
    ("GET", "/v1/sweeps/{sweep_id}/trials"),
    ("GET", "/v1/sweeps/{sweep_id}/trials/{number}"),
    ("GET", "/v1/sweeps/{sweep_id}/trials/{number}/epochs"),
    ("GET", "/v1/problems"),
    ("GET", "/v1/datasets"),
    ("GET", "/v1/workers"),
    ("GET", "/v1/workers/{worker_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/v1/sweeps/{sweep_id}/predict"),
    ("POST", "/v1/sweeps/{sweep_id}:stop"),
    ("POST", "/v1/sweeps/{sweep_id}:extend"),
    ("POST", "/v1/sweeps/{sweep_id}:pause"),
    ("POST", "/v1/sweeps"),
]


def schema_of(document: dict[str, Any], *, method: str, path: str, status: int) -> dict[str, Any]:
    """The schema of an answer; `default` where the status is not named."""
    responses = document["paths"][path][method.lower()]["responses"]
    (content,) = responses.get(str(status), responses["default"])["content"].values()
    schema: dict[str, Any] = content["schema"]
    return schema


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("sweep_id", [None, "nowhere"])
def test_answers_are_as_documented(api_house: ApiHouse, method: str, path: str, sweep_id: str | None) -> None:
    known = api_house.create(keep={"weights": 1}, limits={"memory_mb": 500})
    worker = ScriptedWorker(api_house.house.coordinator)
    worker.value_of = lambda _trial, epoch: None if epoch == 1 else 0.5
    worker.work(max_trials=2)
    body = SMALL if path == "/v1/sweeps" else {"trials": 1}
    options = {"json": body} if method == "POST" else {}
    answer = api_house.ask(
        method, path.format(sweep_id=sweep_id or known, number=0, worker_id=sweep_id or "w1"), **options
    )
    document = api_house.get("/openapi.json")
    schema = schema_of(document, method=method, path=path, status=answer.status_code)
    assert list(faults(document, schema, answer.json())) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_work_when_posted(api_house: ApiHouse, name: str) -> None:
    body = EXAMPLES[name]["value"]
    document = api_house.get("/openapi.json")
    content = document["paths"]["/v1/sweeps"]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"][name]["value"] == body
    assert list(faults(document, content["schema"], body)) == []
    validated = api_house.ask("POST", "/v1/sweeps?validate_only=true", json=body)
    schema = schema_of(document, method="POST", path="/v1/sweeps", status=200)
    assert list(faults(document, schema, validated.json())) == []
    assert api_house.ask("POST", "/v1/sweeps", json=body).status_code == 201


@pytest.mark.parametrize("body", [{}, {**SMALL, "x": 1}, {**SMALL, "budget": {"trials": 0}}, {**SMALL, "name": ""}])
def test_what_the_document_forbids_is_refused(api_house: ApiHouse, body: dict[str, Any]) -> None:
    document = api_house.get("/openapi.json")
    request = document["paths"]["/v1/sweeps"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(faults(document, request, body))
    assert api_house.ask("POST", "/v1/sweeps", json=body).status_code == 422


def test_every_operation_tells_its_errors_and_needs_a_token_or_none(api_house: ApiHouse) -> None:
    document = api_house.get("/openapi.json")
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert all("application/problem+json" in each["responses"]["default"]["content"] for each in operations)
    assert all("422" not in each["responses"] for each in operations)
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    assert document["security"] == [{}, {"bearer": []}]


def test_figures_and_files_say_their_type(api_house: ApiHouse) -> None:
    paths = api_house.get("/openapi.json")["paths"]
    for path in ("/metrics", "/v1/workers/{worker_id}/logs"):
        assert [*paths[path]["get"]["responses"]["200"]["content"]] == ["text/plain"]
    file = paths["/v1/workers/{worker_id}/files/{sha256}"]["get"]["responses"]["200"]["content"]
    assert [*file] == ["application/octet-stream"]
