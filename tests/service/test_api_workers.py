"""Workers over HTTP: which there are, what they do, and what they wrote."""

from pathlib import Path
from typing import Literal

import pytest

from service.errors import Unavailable
from service.executors.worker_logs import WorkerLogs
from tests.service.api_house import ApiHouse, problem
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker

WORKER_FIELDS = {
    "id", "executor", "host", "device", "slots", "state", "version", "trials", "started_at", "last_heard_at",
    "ended_at",
}  # fmt: skip
LOCAL = "local-0-cafe"


class ScriptedJobs:
    """A Ray whose one job wrote this, or that is away."""

    def __init__(self, *, text: str = "", is_away: bool = False) -> None:
        self._text, self._is_away = text, is_away

    def logs(self, job_id: str) -> str | None:
        """What it wrote."""
        if self._is_away:
            raise Unavailable("Ray is away.")
        return self._text if job_id == "ray-1" else None


def wrote(folder: Path, text: str) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / f"{LOCAL}.log").write_text(text)


def worker(
    house: CoordinatorHouse, name: str = LOCAL, *, executor: Literal["local", "ray", "external"] = "local"
) -> ScriptedWorker:
    return ScriptedWorker(house.coordinator, name, executor=executor)


def test_a_worker_and_what_it_has_in_hand(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    one = worker(api_house.house)
    one.take(2)
    api_house.house.database.seconds += 7
    listed = api_house.get("/v1/workers")
    assert listed["next_page_token"] is None
    (body,) = listed["items"]
    assert set(body) == WORKER_FIELDS
    assert (body["id"], body["executor"], body["state"], body["ended_at"]) == (LOCAL, "local", "ALIVE", None)
    assert body["trials"] == [{"sweep": sweep, "number": 0}, {"sweep": sweep, "number": 1}]
    assert body["last_heard_at"] == body["started_at"]
    assert api_house.get(f"/v1/workers/{LOCAL}") == body
    one.say(leaving=True)
    gone = api_house.get(f"/v1/workers/{LOCAL}")
    assert (gone["state"], gone["trials"], gone["ended_at"] is None) == ("GONE", [], False)
    assert gone["last_heard_at"] > gone["started_at"]


def test_a_list_holds_those_that_are_here_unless_others_are_asked_for(api_house: ApiHouse) -> None:
    for number in range(5):
        worker(api_house.house, f"local-{number}-cafe")
        api_house.house.database.seconds += number % 2  # some come at the same moment
    api_house.house.coordinator.worker_gone("local-3-cafe", how="killed")
    every = [4, 2, 1, 0]
    assert [one["id"] for one in api_house.get("/v1/workers")["items"]] == [f"local-{one}-cafe" for one in every]
    gone = api_house.get("/v1/workers?state=GONE")
    assert [one["id"] for one in gone["items"]] == ["local-3-cafe"]
    both = api_house.get("/v1/workers?state=GONE&state=ALIVE&state=BENCHED")
    assert len(both["items"]) == 5
    problem(api_house.ask("GET", "/v1/workers?state=HERE"), 422)


def test_pages_of_workers(api_house: ApiHouse) -> None:
    for number in range(5):
        worker(api_house.house, f"local-{number}-cafe")
    seen, token = [], ""
    while True:
        page = api_house.get(f"/v1/workers?page_size=2{token}")
        seen += [one["id"] for one in page["items"]]
        if page["next_page_token"] is None:
            break
        token = f"&page_token={page['next_page_token']}"
    assert seen == [f"local-{number}-cafe" for number in (4, 3, 2, 1, 0)]
    for foreign in ("x", "MTI", "bmFu", "aW5mIA", "MSAA"):
        answer = api_house.ask("GET", f"/v1/workers?page_token={foreign}")
        if foreign == "MTI":  # "12": a moment, before which there was nobody
            assert answer.json()["items"] == []
        else:
            assert problem(answer, 422)["errors"][0]["field"] == "page_token"


def test_the_end_of_a_local_workers_log(api_house: ApiHouse, tmp_path: Path) -> None:
    worker(api_house.house).say(leaving=True)
    wrote(tmp_path, "".join(f"line {number}\n" for number in range(1000)))
    path = f"/v1/workers/{LOCAL}/logs"
    answer = api_house.ask("GET", path)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [f"line {number}" for number in range(800, 1000)]
    assert api_house.ask("GET", f"{path}?lines=2").text == "line 998\nline 999\n"
    assert api_house.ask("GET", f"{path}?max_bytes=12").text == "98\nline 999\n"
    assert api_house.ask("GET", f"{path}?max_bytes=12&lines=1").text == "line 999\n"
    assert len(api_house.ask("GET", f"{path}?max_bytes=1000000").text.splitlines()) == 1000
    for wrong in ("lines=0", "lines=1000001", "max_bytes=0", "max_bytes=1000001", "lines=x"):
        problem(api_house.ask("GET", f"{path}?{wrong}"), 422)


def test_a_log_is_text_whatever_was_written(api_house: ApiHouse, tmp_path: Path) -> None:
    worker(api_house.house)
    wrote(tmp_path, "")
    assert api_house.ask("GET", f"/v1/workers/{LOCAL}/logs").text == ""
    (tmp_path / "logs" / f"{LOCAL}.log").write_bytes(b"\xc3\xa4\xff\x00 no newline")
    assert api_house.ask("GET", f"/v1/workers/{LOCAL}/logs").text == "ä\ufffd\x00 no newline"


@pytest.mark.parametrize(
    ("name", "executor", "says"),
    [
        (LOCAL, "local", "only the latest ones are kept"),
        ("api", "local", "only the latest ones are kept"),
        ("guest", "external", "docker compose logs worker"),
        ("ray-2", "ray", "no log of worker ray-2"),
    ],
)
def test_a_log_that_is_not_here_says_why(
    api_house: ApiHouse, tmp_path: Path, name: str, executor: Literal["local", "ray", "external"], says: str
) -> None:
    worker(api_house.house, name, executor=executor)
    wrote(tmp_path, "")
    (tmp_path / "logs" / f"{LOCAL}.log").rename(tmp_path / "logs" / "api.log")
    assert says in problem(api_house.ask("GET", f"/v1/workers/{name}/logs"), 404)["detail"]


def test_an_unknown_worker_is_missing(api_house: ApiHouse) -> None:
    for path in ("/v1/workers/nobody", "/v1/workers/nobody/logs", "/v1/workers/nobody:exchange"):
        assert "GET /v1/workers" in problem(api_house.ask("GET", path), 404)["detail"]


def test_the_log_of_a_worker_on_ray(coordinator_house: CoordinatorHouse, tmp_path: Path) -> None:
    here = ApiHouse(coordinator_house, worker_logs=WorkerLogs(tmp_path, jobs=ScriptedJobs(text="a\nb\nc\n")))
    worker(coordinator_house, "ray-1", executor="ray")
    assert here.ask("GET", "/v1/workers/ray-1/logs?lines=2").text == "b\nc\n"
    assert here.ask("GET", "/v1/workers/ray-1/logs?max_bytes=3").text == "\nc\n"
    away = ApiHouse(coordinator_house, worker_logs=WorkerLogs(tmp_path, jobs=ScriptedJobs(is_away=True)))
    answer = away.ask("GET", "/v1/workers/ray-1/logs")
    assert problem(answer, 503)["detail"] == "Ray is away."
    assert int(answer.headers["Retry-After"]) > 0


def test_users_need_their_token_and_a_session_token_is_none(coordinator_house: CoordinatorHouse) -> None:
    api = ApiHouse(coordinator_house, user_token="secret")
    one = worker(coordinator_house)
    for path in ("/v1/workers", f"/v1/workers/{LOCAL}", f"/v1/workers/{LOCAL}/logs"):
        for token in (None, one.token, "join-secret"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            problem(api.ask("GET", path, headers=headers), 401)
    assert len(api.get("/v1/workers", headers={"Authorization": "Bearer secret"})["items"]) == 1


def test_only_what_workers_exchange_may_be_large(api_house: ApiHouse) -> None:
    large = {"content-length": "2000000"}
    for path in (f"/v1/workers/{LOCAL}", f"/v1/workers/{LOCAL}/logs", "/v1/workers/w1:wait"):
        problem(api_house.ask("POST", path, headers=large), 413)
    problem(api_house.ask("POST", "/v1/workers/w1:exchange", headers=large), 401)
