"""Who may ask: hosts, origins, user tokens, join and session tokens."""

import hashlib
from typing import Any

import pytest

from service.protocol import Hello
from tests.service.api_house import JOIN_TOKEN, SMALL, ApiHouse, in_pieces, problem
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker

HELLO = Hello(worker="w9", executor="external", host="h", pid=1, slots=1, device="cpu", version="1").model_dump()
USER_ROUTES = ["/v1/sweeps", "/v1/sweeps/x", "/v1/sweeps/x/trials", "/v1/sweeps/x/events", "/v1/problems", "/metrics"]


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/v1/sweeps", "/healthz", "/metrics", "/docs", "/v1/workers:hello", "/nowhere"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::2]:1"])
def test_a_foreign_host_is_refused_everywhere(api_house: ApiHouse, path: str, host: str) -> None:
    problem(api_house.ask("GET", path, headers={"Host": host}), 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:8000", "[::1]:8000", "ravine.lan:8000", "[fe80::1]:8000"])
def test_known_hosts_pass(coordinator_house: CoordinatorHouse, host: str) -> None:
    api = ApiHouse(coordinator_house, allowed_hosts=("ravine.lan", "fe80::1"))
    assert api.ask("GET", "/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "http://127.0.0.1.evil.example", "x"])
def test_a_foreign_origin_is_refused(api_house: ApiHouse, origin: str) -> None:
    problem(api_house.ask("POST", "/v1/sweeps", json=SMALL, headers={"Origin": origin}), 403)
    assert api_house.get("/v1/sweeps")["items"] == []


def test_our_own_origin_passes(api_house: ApiHouse) -> None:
    answer = api_house.ask("POST", "/v1/sweeps", json=SMALL, headers={"Origin": "http://localhost:8000"})
    assert answer.status_code == 201


@pytest.mark.parametrize("path", USER_ROUTES)
@pytest.mark.parametrize("header", [{}, bearer("wrong"), bearer("é"), {"Authorization": "Basic secret"}, bearer("")])
def test_user_routes_want_the_token_where_there_is_one(
    coordinator_house: CoordinatorHouse, path: str, header: dict[str, str]
) -> None:
    api = ApiHouse(coordinator_house, user_token="secret")
    headers = {name: value.encode("latin-1") for name, value in header.items()}
    assert "Authorization" in problem(api.ask("GET", path, headers=headers), 401)["detail"]
    for verb in ("POST", "DELETE"):
        if path == "/v1/sweeps/x" and verb == "DELETE":
            problem(api.ask(verb, path, headers=headers), 401)


def test_the_token_opens_user_routes_and_health_needs_none(coordinator_house: CoordinatorHouse) -> None:
    api = ApiHouse(coordinator_house, user_token="secret")
    assert api.get("/v1/sweeps", headers=bearer("secret"))["items"] == []
    assert api.ask("POST", "/v1/sweeps", json=SMALL, headers=bearer("secret")).status_code == 201
    assert api.get("/healthz") == api.get("/readyz") == {"status": "ok"}


@pytest.mark.parametrize("token", [None, "secret", "wrong", ""])
def test_hello_wants_the_join_token(coordinator_house: CoordinatorHouse, token: str | None) -> None:
    for api in (ApiHouse(coordinator_house), ApiHouse(coordinator_house, user_token="secret")):
        headers = {} if token is None else bearer(token)
        problem(api.ask("POST", "/v1/workers:hello", json=HELLO, headers=headers), 401)
    assert coordinator_house.coordinator.workers() == []


def test_session_routes_want_the_workers_own_token(coordinator_house: CoordinatorHouse) -> None:
    api = ApiHouse(coordinator_house, user_token="secret")
    mine, other = (ScriptedWorker(coordinator_house.coordinator, name) for name in ("w1", "w2"))
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/workers/w1:exchange", {"json": {"number": 1, "answered": 0}}),
        ("POST", "/v1/workers/w1:wait", {"json": {"work_version": 1, "seconds": 0.01}}),
        ("GET", f"/v1/workers/w1/files/{'a' * 64}", {}),
        ("PUT", f"/v1/workers/w1/files/{'a' * 64}", {"content": b"x"}),
    ]
    for method, path, body in calls:
        for token in (None, "secret", JOIN_TOKEN, other.token):
            headers = {} if token is None else bearer(token)
            problem(api.ask(method, path, headers=headers, **body), 401)
        problem(api.ask(method, path.replace("w1", "w7"), headers=bearer(mine.token), **body), 410)
    assert api.ask("POST", "/v1/workers/w1:exchange", json=calls[0][2]["json"], headers=bearer(mine.token)).is_success


@pytest.mark.parametrize("field", ["pid", "number", "answered"])
def test_a_number_that_no_database_holds_is_refused(api_house: ApiHouse, field: str) -> None:
    welcome = api_house.ask("POST", "/v1/workers:hello", json=HELLO, headers=bearer(JOIN_TOKEN)).json()
    request = {"number": 1, "answered": 0, field: 2**31}
    if field == "pid":
        refused = api_house.ask("POST", "/v1/workers:hello", json=HELLO | {field: 2**31}, headers=bearer(JOIN_TOKEN))
    else:
        headers = bearer(welcome["token"])
        refused = api_house.ask("POST", "/v1/workers/w9:exchange", json=request, headers=headers)
    assert problem(refused, 422)["errors"][0]["field"] == field


def test_a_worker_over_http(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    welcome = api_house.ask("POST", "/v1/workers:hello", json=HELLO, headers=bearer(JOIN_TOKEN)).json()
    assert set(welcome) == {"token", "heartbeat_seconds", "files_folder", "files_marker"}
    headers = bearer(welcome["token"])
    request = {"number": 1, "answered": 0, "num_free": 1, "num_wanted": 1}
    answer = api_house.ask("POST", "/v1/workers/w9:exchange", json=request, headers=headers).json()
    assert [one["sweep"] for one in answer["assignments"]] == [sweep]
    waited = {"work_version": answer["work_version"] - 1, "seconds": 20}
    wait = api_house.ask("POST", "/v1/workers/w9:wait", json=waited, headers=headers)
    assert wait.json() == {"work_version": answer["work_version"]}
    again = api_house.ask("POST", "/v1/workers:hello", json=HELLO, headers=bearer(JOIN_TOKEN))
    problem(again, 409)


def test_files_by_content_hash(api_house: ApiHouse) -> None:
    worker = ScriptedWorker(api_house.house.coordinator)
    headers, content = bearer(worker.token), b"checkpoint" * 1000
    sha256 = "be8ee5d1b0b3f8b3ed2d7cc2f0f1f2d54bb0a57c0c62f0d8e3f0b9e8f3ab8d3d"
    path = f"/v1/workers/w1/files/{sha256}"
    wrong = api_house.ask("PUT", path, content=content, headers=headers)
    assert "hash" in problem(wrong, 422)["detail"]
    problem(api_house.ask("GET", path, headers=headers), 404)
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"/v1/workers/w1/files/{sha256}"
    assert api_house.ask("HEAD", path, headers=headers).status_code == 404
    put = api_house.ask("PUT", path, content=in_pieces([content[:7], content[7:]]), headers=headers)
    assert put.status_code == 204
    assert api_house.ask("HEAD", path, headers=headers).status_code == 200
    assert api_house.ask("GET", path, headers=headers).content == content


@pytest.mark.parametrize("name", ["..%2Fravine.db", "a" * 63, "A" * 64, "a" * 64 + "%0A", "marker"])
def test_a_file_has_no_other_name(api_house: ApiHouse, name: str) -> None:
    worker = ScriptedWorker(api_house.house.coordinator)
    for method in ("GET", "PUT"):
        answer = api_house.ask(method, f"/v1/workers/w1/files/{name}", headers=bearer(worker.token))
        assert answer.status_code == 404
