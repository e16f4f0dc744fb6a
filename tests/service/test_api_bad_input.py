"""Each line of "Bad input": a 4xx that names the field and the mend, and nothing is written."""

import time
from typing import Any

import pytest

from tests.service.api_house import SMALL, ApiHouse, in_pieces, problem

DIGITS = {"dataset": "digits"}
RATE = {"low": 1e-4, "high": 1.0}

BAD_SWEEPS: list[tuple[dict[str, Any], str]] = [
    ({"spcae": {}}, "spcae"),
    ({"budget": {"trails": 3}}, "budget.trails"),
    ({"problem": {"dataset": "digit"}}, "problem.dataset"),
    ({"problem": {}}, "problem.dataset"),
    ({"problem": None}, "problem"),
    ({"sampler": {"kind": "bayes"}}, "sampler.kind"),
    ({"sampler": {"kind": "gp"}}, "sampler"),
    ({"sampler": {"kind": "auto"}}, "sampler"),
    ({"pruner": {"kind": "rungs"}}, "pruner"),
    ({"engine": "stacked"}, "engine"),
    ({"space": {"schedule": {"choices": ["constantly"]}}}, "space.schedule"),
    ({"space": {"learning_rate": {"low": 1.0, "high": 0.1}}}, "space.learning_rate"),
    ({"space": {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}}}, "space.learning_rate"),
    ({"space": {"learning_rate": {"low": -1.0, "high": 1.0, "log": True}}}, "space.learning_rate"),
    ({"space": {"batch_size": {"choices": []}}}, "space.batch_size"),
    ({"space": {"batch_size": {"choices": [16, 100_000]}}}, "space.batch_size"),
    ({"space": {"batch_size": 100_000}}, "space.batch_size"),
    (
        {"first": [{"batch_size": 1079}], "space": {"batch_size": {"low": 1, "high": 2000, "integer": True}}},
        "batch_size",
    ),
    ({"space": {"momentum": {"low": 0.0, "high": 0.9, "when": {"nesterov": True}}}}, "space.momentum.when.nesterov"),
    ({"space": {"learning_rate": RATE, "nesterov": True}}, "space.nesterov"),
    ({"space": {}}, "space"),
    ({"space": "sgd"}, "space"),
    ({"budget": {"trials": 0}}, "budget.trials"),
    ({"budget": {"epochs": 0}}, "budget.epochs"),
    ({"budget": {"seconds": 0}}, "budget.seconds"),
    ({"budget": {"trials": "3"}}, "budget.trials"),
    ({"budget": {"trials": 1e3}}, "budget.trials"),
    ({"metric": {"name": "val_r2"}}, "metric"),
    ({"name": "a/b"}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "x" * 300}, "name"),
    ({"first": [{"momentum": 7}]}, "first[0].momentum"),
    ({"seed": -1}, "seed"),
    ({"seed": True}, "seed"),
]


@pytest.mark.parametrize(("change", "field"), BAD_SWEEPS)
def test_a_bad_sweep(api_house: ApiHouse, change: dict[str, Any], field: str) -> None:
    answer = api_house.ask("POST", "/v1/sweeps", json={**SMALL, **change}, headers={"Idempotency-Key": "k"})
    errors = problem(answer, 422)["errors"]
    assert any(field in error["field"] for error in errors), errors
    assert all(error["message"] and error["mend"] for error in errors)
    assert api_house.get("/v1/sweeps")["items"] == []
    assert api_house.ask("POST", "/v1/sweeps", json=SMALL, headers={"Idempotency-Key": "k"}).status_code == 201


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"space": {"learning_rate": %s}', '"budget": {"seconds": %s}', '"seed": %s'])
def test_what_is_no_number(api_house: ApiHouse, place: str, number: str) -> None:
    body = '{"problem": {"dataset": "digits"}, ' + place % number + "}"
    field = place.split('"')[1]
    errors = problem(api_house.ask("POST", "/v1/sweeps", content=body), 422)["errors"]
    assert any(error["field"].startswith(field) for error in errors)
    assert api_house.get("/v1/sweeps")["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"not json", b"\xff\xfe\x00", b'{"problem": }', b"[" * 100_000, b"1" * 5000, b'{"a": "\x00"}',
    ],
)  # fmt: skip
def test_what_is_not_json(api_house: ApiHouse, body: bytes) -> None:
    sweep = api_house.create()
    as_json = {"Content-Type": "application/json"}
    for path in ("/v1/sweeps", f"/v1/sweeps/{sweep}:extend", f"/v1/sweeps/{sweep}/trials"):
        answer = api_house.ask("POST", path, content=body, headers=as_json)
        assert answer.status_code in ((400,) if path == "/v1/sweeps" else (400, 422))
        problem(answer, answer.status_code)


@pytest.mark.parametrize("path", ["/v1/sweeps", "/v1/sweeps/x:extend", "/v1/sweeps/x/trials", "/v1/workers:hello"])
def test_a_body_of_ten_megabytes(api_house: ApiHouse, path: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer join-secret"}
    whole = api_house.ask("POST", path, content=b" " * 10_000_000, headers=headers)
    assert "1000000 bytes" in problem(whole, 413)["detail"]
    in_chunks = api_house.ask("POST", path, content=in_pieces([b" " * 100_000] * 100), headers=headers)
    assert "1000000 bytes" in problem(in_chunks, 413)["detail"]


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\ud83e\\udd8a"', '"\\u202e"', '"\\u0000"', '""'])
def test_strange_texts_are_never_an_error_of_ours(api_house: ApiHouse, text: str) -> None:
    sweep = api_house.create()
    bodies = {
        "/v1/sweeps": [
            '{"problem": {"dataset": %s}}', '{"problem": {"dataset": "digits"}, "name": %s}',
            '{"problem": {"dataset": "digits"}, %s: 1}', '{"problem": {"dataset": "digits"}, "space": {%s: 1}}',
            '{"problem": {"dataset": "digits"}, "sampler": {"kind": %s}}',
            '{"problem": {"dataset": "digits"}, "space": {"batch_size": {"choices": [%s]}}}',
        ],
        f"/v1/sweeps/{sweep}:extend": ["{%s: 1}", '{"trials": %s}', "%s"],
        f"/v1/sweeps/{sweep}/trials": ['{"settings": {%s: 1}}', '{"settings": {"momentum": %s}}'],
    }  # fmt: skip
    for path, templates in bodies.items():
        for template in templates:
            headers = {"Content-Type": "application/json"}
            answer = api_house.ask("POST", path, content=template % text, headers=headers)
            assert answer.status_code in (201, 400, 422), (template, answer.text)


FAULTS = {f"x{number}": {"low": 1, "high": 0} for number in range(15_000)}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/sweeps", {"problem": DIGITS, "space": FAULTS}),
        ("/v1/sweeps", {"problem": DIGITS, "first": [{"momentum": {}}] * 15_000}),
        ("/v1/sweeps", {"problem": DIGITS, **FAULTS}),
        ("/v1/sweeps", {"problem": DIGITS, "x" * 900_000: 1}),
        ("/v1/sweeps/x:extend", FAULTS),
        ("/v1/sweeps/x:extend", {"x" * 900_000: 1}),
        ("/v1/sweeps/x/trials", {"settings": FAULTS}),
        ("/v1/sweeps/x/trials", {"settings": {"x" * 900_000: 1}}),
    ],
)
def test_a_body_with_thousands_of_faults_gets_a_short_answer_soon(
    api_house: ApiHouse, path: str, body: dict[str, Any]
) -> None:
    begun_at = time.monotonic()
    answer = api_house.ask("POST", path, json=body)
    assert len(problem(answer, 422)["errors"]) <= 50
    assert len(answer.content) < 60_000
    assert time.monotonic() - begun_at < 2
