"""The story of a sweep as Server-Sent Events, over a real server too."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from service.sse import parse
from tests.service.api_house import SMALL, ApiHouse, problem
from tests.service.scripted_worker import ScriptedWorker

TIMEOUT_SECONDS = 30.0


def story(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events in the body of a stream that ended."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(each.data) for each in parse(answer.text.splitlines())]


@contextmanager
def served(api: ApiHouse) -> Iterator[httpx.Client]:
    """The API behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(api.app, log_level="error", timeout_graceful_shutdown=1))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # now: who calls before the server is up waits
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def test_a_final_sweeps_whole_story(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    ScriptedWorker(api_house.house.coordinator).work()
    events = story(api_house.ask("GET", f"/v1/sweeps/{sweep}/events"))
    assert all(set(event) == {"id", "kind", "trial", "epoch", "at", "data"} for event in events)
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    states = [event["data"]["state"] for event in events if event["kind"] == "sweep.state"]
    assert states == ["PENDING", "RUNNING", "COMPLETED"]
    epochs = [(event["trial"], event["epoch"]) for event in events if event["kind"] == "epoch"]
    assert epochs == [(trial, epoch) for trial in range(3) for epoch in (1, 2)]
    assert events[-1]["data"]["state"] == "COMPLETED"
    (first, *_) = (event for event in events if event["kind"] == "epoch")
    assert set(first["data"]["metrics"]) == {"val_accuracy", "train_loss"}


def test_the_story_goes_on_behind_the_last_event(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    ScriptedWorker(api_house.house.coordinator).work()
    whole = story(api_house.ask("GET", f"/v1/sweeps/{sweep}/events"))
    for place in (0, 5, len(whole) - 1):
        last = {"Last-Event-ID": str(whole[place]["id"])}
        assert story(api_house.ask("GET", f"/v1/sweeps/{sweep}/events", headers=last)) == whole[place + 1 :]


def test_sweeps_do_not_hear_of_each_other(api_house: ApiHouse) -> None:
    one, two = api_house.create(), api_house.create()
    ScriptedWorker(api_house.house.coordinator).work()
    ids = [{event["id"] for event in story(api_house.ask("GET", f"/v1/sweeps/{each}/events"))} for each in (one, two)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 20, "²"])
def test_a_last_event_that_never_was(api_house: ApiHouse, last: str) -> None:
    sweep = api_house.create()
    answer = api_house.ask("GET", f"/v1/sweeps/{sweep}/events", headers={"Last-Event-ID": last.encode("latin-1")})
    assert problem(answer, 422)["errors"][0]["field"] == "Last-Event-ID"


def test_nothing_is_streamed_of_a_sweep_that_is_not_there(api_house: ApiHouse) -> None:
    problem(api_house.ask("GET", "/v1/sweeps/none/events"), 404)


def test_events_arrive_while_the_sweep_runs(api_house: ApiHouse) -> None:
    with served(api_house) as client:
        sweep = client.post("/v1/sweeps", json=SMALL).json()["id"]
        worker = ScriptedWorker(api_house.house.coordinator)
        with client.stream("GET", f"/v1/sweeps/{sweep}/events") as stream:
            events = parse(stream.iter_lines())
            assert json.loads(next(events).data)["data"]["state"] == "PENDING"
            assert json.loads(next(events).data)["data"]["state"] == "WAITING"
            running = worker.take_and_start()
            assert [json.loads(next(events).data)["kind"] for _ in range(2)] == ["sweep.state", "trial.state"]
            worker.finish(running.attempt)
            assert json.loads(next(events).data)["epoch"] == 1
            client.post(f"/v1/sweeps/{sweep}:cancel")
            rest = [json.loads(event.data) for event in events]
    assert rest[-1]["data"]["state"] == "CANCELLED"


def test_a_stream_ends_when_its_sweep_is_deleted(api_house: ApiHouse) -> None:
    with served(api_house) as client:
        sweep = client.post("/v1/sweeps", json=SMALL).json()["id"]
        with client.stream("GET", f"/v1/sweeps/{sweep}/events") as stream:
            events = parse(stream.iter_lines())
            next(events)
            client.post(f"/v1/sweeps/{sweep}:cancel")
            assert client.delete(f"/v1/sweeps/{sweep}").status_code == 204
            assert all(json.loads(event.data)["kind"] != "sweep.deleted" for event in events)


def test_a_client_that_leaves_frees_the_server(api_house: ApiHouse) -> None:
    with served(api_house) as client:
        sweep = client.post("/v1/sweeps", json=SMALL).json()["id"]
        for _ in range(3):
            with client.stream("GET", f"/v1/sweeps/{sweep}/events") as stream:
                next(parse(stream.iter_lines()))
        assert client.get("/healthz").json() == {"status": "ok"}


def test_an_idle_worker_is_woken_by_a_new_sweep(api_house: ApiHouse) -> None:
    worker = ScriptedWorker(api_house.house.coordinator)
    version = worker.say(want=1).work_version
    with served(api_house) as client:
        woken: list[int] = []

        def wait() -> None:
            headers = {"Authorization": f"Bearer {worker.token}"}
            body = {"work_version": version, "seconds": 25}
            woken.append(client.post("/v1/workers/w1:wait", json=body, headers=headers).json()["work_version"])

        waiting = threading.Thread(target=wait)
        waiting.start()
        client.post("/v1/sweeps", json=SMALL)
        waiting.join(timeout=10)
        assert woken == [api_house.house.coordinator.work.count]
    assert len(worker.take()) == 1
