"""The client against an API that says what the test wrote."""

import json
from collections.abc import Iterator

import pytest

from service.client import Client
from service.client_errors import Denied, Missing, Refused, Rejected, TryLater, Unreachable
from service.schemas import ValidatedAnswer
from service.supervision.ports import free_port
from sweeps.spec import SweepSpec
from sweeps.states import SweepState, TrialState
from tests.service.scripted_api import (
    Said,
    ScriptedApi,
    one,
    page,
    problem,
    scripted_api,
    sweep_answer,
    trial_answer,
    worker_answer,
)
from trainer.config import ProblemConfig


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        yield serving


@pytest.fixture
def client(api: ScriptedApi) -> Iterator[Client]:
    with Client(api.url, token="secret", reconnect_seconds=0) as connected:
        yield connected


def event(number: int, *, kind: str = "epoch", state: str | None = None) -> bytes:
    body = {
        "id": number,
        "kind": kind,
        "trial": None,
        "epoch": None,
        "at": "2026-01-02T00:00:00Z",
        "data": {"state": state},
    }
    return f": a comment\nevent: {kind}\nid: {number}\ndata: {json.dumps(body)}\n\n".encode()


def stream(*events: bytes, cut: bool = False) -> Said:
    return Said(body=b"".join(events), kind="text/event-stream", cut=cut)


def test_a_sweep_is_created_with_its_key_and_token(api: ScriptedApi, client: Client) -> None:
    api.says("POST /v1/sweeps", one(sweep_answer(), status=201))
    created = client.create_sweep({"problem": {"dataset": "digits"}}, idempotency_key="k")
    assert created.id == "s1"
    [heard] = api.heard
    assert heard.body == {"problem": {"dataset": "digits"}}
    assert (heard.headers["Idempotency-Key"], heard.headers["Authorization"]) == ("k", "Bearer secret")


def test_a_check_starts_nothing_and_a_spec_may_be_a_model(api: ScriptedApi, client: Client) -> None:
    spec = SweepSpec(problem=ProblemConfig(dataset="digits"))
    checked = ValidatedAnswer(spec=spec, warnings=["wide"])
    api.says("POST /v1/sweeps?validate_only=true", Said(body=checked.model_dump_json().encode()))
    assert client.check_sweep(spec) == checked
    assert SweepSpec.model_validate(api.heard[0].body) == spec


def test_pages_follow_their_tokens(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/sweeps/s1/trials?page_size=1000&state=COMPLETED", page(trial_answer(0), next_page_token="next"))
    api.says("GET /v1/sweeps/s1/trials?page_size=1000&state=COMPLETED&page_token=next", page(trial_answer(1)))
    assert [trial.number for trial in client.trials("s1", state=TrialState.COMPLETED)] == [0, 1]


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "cancel"])
def test_verbs(api: ScriptedApi, client: Client, verb: str) -> None:
    api.says(f"POST /v1/sweeps/s1:{verb}", one(sweep_answer(), status=202))
    assert getattr(client, verb)("s1").id == "s1"


def test_extend_and_try_settings_send_their_bodies(api: ScriptedApi, client: Client) -> None:
    api.says("POST /v1/sweeps/s1:extend", one(sweep_answer()))
    api.says("POST /v1/sweeps/s1/trials", one(trial_answer(4), status=201))
    client.extend("s1", trials=5)
    assert client.try_settings("s1", settings={"momentum": 0.5}).number == 4
    assert [heard.body for heard in api.heard] == [{"trials": 5, "seconds": 0.0}, {"settings": {"momentum": 0.5}}]


def test_delete_names_the_runs(api: ScriptedApi, client: Client) -> None:
    api.says("DELETE /v1/sweeps/s1?mlflow_runs=true", Said(status=204))
    client.delete("s1", mlflow_runs=True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (404, Missing), (409, Refused), (422, Rejected), (413, Rejected), (503, TryLater)],
)
def test_errors_carry_the_problem(api: ScriptedApi, client: Client, status: int, kind: type[Exception]) -> None:
    wrong = {"field": "space.momentum.low", "message": "is above high", "mend": "swap them"}
    api.says("GET /v1/sweeps/s1", problem(status, detail="It cannot be.", errors=[wrong]))
    with pytest.raises(kind, match="It cannot be") as raised:
        client.sweep("s1")
    error = raised.value
    assert isinstance(error, Denied | Missing | Refused | Rejected | TryLater)
    assert error.status == status
    assert [field.model_dump() for field in error.errors] == [wrong]


def test_what_is_no_ravine_is_unreachable(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/sweeps/s1", Said(body=b"<html>hello</html>", kind="text/html"))
    api.says("GET /v1/sweeps/s2", Said(status=502, body=b"bad gateway", kind="text/plain"))
    for sweep_id in ("s1", "s2"):
        with pytest.raises(Unreachable, match="Ravine"):
            client.sweep(sweep_id)


def test_nobody_there() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client:
        assert not client.ready()
        with pytest.raises(Unreachable, match="ravine up"):
            client.sweep("s1")


def test_ready(api: ScriptedApi, client: Client) -> None:
    api.says("GET /readyz", Said(status=503), Said(body=b"{}"))
    assert [client.ready(), client.ready()] == [False, True]


def test_events_go_on_where_the_connection_broke(api: ScriptedApi, client: Client) -> None:
    last = event(3, kind="sweep.state", state="COMPLETED")
    api.says("GET /v1/sweeps/s1/events", stream(event(1), event(2), cut=True), stream(last))
    api.says("GET /v1/sweeps/s1", one(sweep_answer(SweepState.COMPLETED)))
    assert [heard.id for heard in client.events("s1")] == [1, 2, 3]
    asked = [heard.headers["Last-Event-ID"] for heard in api.heard if heard.line.endswith("/events")]
    assert asked == ["0", "2"]


def test_events_go_on_behind_an_end_that_was_extended(api: ScriptedApi, client: Client) -> None:
    ended, ended_again = (event(number, kind="sweep.state", state="COMPLETED") for number in (1, 3))
    api.says("GET /v1/sweeps/s1/events", stream(ended, event(2)), stream(event(2), ended_again))
    api.says("GET /v1/sweeps/s1", one(sweep_answer(SweepState.RUNNING)), one(sweep_answer(SweepState.COMPLETED)))
    assert [heard.id for heard in client.events("s1")] == [1, 2, 3]


def test_events_of_a_sweep_that_is_over_and_told(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/sweeps/s1/events", stream())
    api.says("GET /v1/sweeps/s1", one(sweep_answer(SweepState.CANCELLED)))
    assert list(client.events("s1", after=9)) == []


def test_wait_gives_the_sweep_as_it_ended(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/sweeps/s1", one(sweep_answer()), one(sweep_answer(SweepState.STOPPED)))
    assert client.wait("s1", seconds=30).state is SweepState.STOPPED


def test_wait_does_not_wait_for_ever(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/sweeps/s1", one(sweep_answer()))
    with pytest.raises(TimeoutError, match="RUNNING"):
        client.wait("s1", seconds=0)


def test_workers_and_what_they_wrote(api: ScriptedApi, client: Client) -> None:
    api.says("GET /v1/workers", page(worker_answer("w1"), next_page_token="n"), page(worker_answer("w2")))
    api.says("GET /v1/workers/w1/logs", Said(body=b"hello\n", kind="text/plain"))
    assert [one.id for one in client.workers(state="GONE")] == ["w1", "w2"]
    assert [heard.line for heard in api.heard] == [
        "GET /v1/workers?page_size=1000&state=GONE",
        "GET /v1/workers?page_size=1000&state=GONE&page_token=n",
    ]
    assert client.worker_log("w1", num_lines=3) == "hello\n"
    assert api.heard[-1].line == "GET /v1/workers/w1/logs?lines=3"
    with pytest.raises(Missing):
        client.worker_log("../sweeps")
    assert api.heard[-1].line.startswith("GET /v1/workers/..%2Fsweeps/logs")
