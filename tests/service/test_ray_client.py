"""What is asked of Ray, and what is made of its answers."""

from collections.abc import Iterator

import httpx
import pytest

from service.errors import ConfigurationError
from service.executors.ray_checking import check_ray, ray_client
from service.executors.ray_client import RayClient, RayTrouble
from service.executors.ray_logs import RayLogs
from service.settings import RaySettings, Settings
from tests.service.scripted_ray import TOKEN, RayScript, scripted_ray

JOB = {"submission_id": "ray-a", "metadata": {"ravine": "me"}}


@pytest.fixture
def script() -> RayScript:
    return RayScript()


@pytest.fixture
def address(script: RayScript) -> Iterator[str]:
    with scripted_ray(script) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[RayClient]:
    client = RayClient(address, token=TOKEN, timeout=httpx.Timeout(0.5))
    yield client
    client.close()


def settings(address: str | None, *, token: str | None = TOKEN) -> RaySettings:
    return RaySettings.model_validate({"ray_address": address, "ray_auth_token": token})


def refusal(ray: RaySettings, *, url: str = "http://127.0.0.1:8000") -> str:
    with pytest.raises(ConfigurationError) as refused:
        check_ray(Settings(url=url), ray=ray)
    assert "\n" not in refused.value.detail
    return refused.value.detail


def test_jobs_come_and_go(client: RayClient, script: RayScript) -> None:
    client.submit(JOB)
    client.submit(JOB)  # "exists" is success
    assert [(job.submission_id, job.status, job.metadata) for job in client.jobs()] == [
        ("ray-a", "RUNNING", {"ravine": "me"})
    ]
    assert client.logs("ray-a") == "what ray-a wrote\n"
    assert client.logs("ray-b") is None
    client.stop("ray-a")
    client.stop("ray-b")
    assert [job.status for job in client.jobs()] == ["STOPPED"]
    client.delete("ray-a")
    client.delete("ray-a")
    assert script.jobs == {}


def test_packages_and_nodes(client: RayClient) -> None:
    assert not client.has_package("a.zip")
    client.put_package("a.zip", content=b"zip")
    assert client.has_package("a.zip")
    assert client.nodes() == [{"CPU": 2.0, "memory": 1e9}]


@pytest.mark.parametrize("fault", ["is_away", "loses_answers", "delay_seconds"])
def test_who_does_not_answer_is_trouble(client: RayClient, script: RayScript, fault: str) -> None:
    setattr(script, fault, 1)
    with pytest.raises(RayTrouble, match=r"cannot be reached .*; start it, or mend RAY_ADDRESS"):
        client.jobs()


def test_one_who_lets_in_anybody_never_sees_the_token(client: RayClient, script: RayScript) -> None:
    script.asks_token = False
    with pytest.raises(RayTrouble, match="anybody who reaches it could run code there; start Ray with RAY_AUTH_MODE"):
        client.look()
    with pytest.raises(RayTrouble):
        client.logs("ray-a")
    assert not any(TOKEN in str(asked.headers) for asked in script.asked)


@pytest.mark.parametrize("said", [b"<html>", b'{"jobs": 1}', b'[{"submission_id": 1}]'])
def test_an_answer_that_is_none_is_trouble(said: bytes) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=said))
    client = RayClient("http://ray", token=TOKEN, transport=transport)
    for ask in (client.jobs, client.nodes):
        with pytest.raises(RayTrouble, match="does not speak as Ray's Jobs API does; mend RAY_ADDRESS"):
            ask()
    client.close()


def test_one_who_neither_lets_in_nor_refuses_is_no_ray() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(404))
    client = RayClient("http://ray", token=TOKEN, transport=transport)
    with pytest.raises(RayTrouble, match="asks for no token as Ray does; mend RAY_ADDRESS"):
        client.look()
    client.close()


def test_what_is_too_large_for_this_process_is_not_read() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/logs"):
            return httpx.Response(200, headers={"Content-Length": str(2**40)})
        return httpx.Response(200 if "Authorization" in request.headers else 401)

    client = RayClient("http://ray", token=TOKEN, transport=httpx.MockTransport(answer))
    with pytest.raises(RayTrouble, match="would answer more than 64 MiB at /api/jobs/ray-a/logs; look at it there"):
        client.logs("ray-a")
    client.close()


def test_the_logs_of_others_are_not_read(client: RayClient, script: RayScript) -> None:
    client.submit(JOB)
    assert RayLogs(client, owner="me").logs("ray-a") == "what ray-a wrote\n"
    assert RayLogs(client, owner="another").logs("ray-a") is None
    assert RayLogs(client, owner="me").logs("ray-b") is None
    script.asks_token, script.asked = False, []
    with pytest.raises(RayTrouble, match="answers without a token"):
        RayLogs(client, owner="me").logs("ray-a")
    assert not any(TOKEN in str(asked.headers) for asked in script.asked)


def test_a_ray_that_is_well_passes(address: str) -> None:
    check_ray(Settings(), ray=settings(address))


@pytest.mark.parametrize("address", ["ray://head:10001", "head:6379", "auto", "http://", "http://[", None])
def test_the_address_must_be_that_of_the_jobs_api(address: str | None) -> None:
    assert refusal(settings(address)).endswith("set it to the address of Ray's dashboard, such as http://head:8265.")


def test_each_wrong_start_is_refused_with_its_mend(address: str, script: RayScript) -> None:
    assert refusal(settings(address, token=None)).startswith("RAY_AUTH_TOKEN: there is no token for Ray; start Ray")
    assert "refuses our token; set RAY_AUTH_TOKEN to" in refusal(settings(address, token="another"))
    script.asks_token = False
    assert "answers without a token: anybody" in refusal(settings(address))
    script.is_away = True
    assert "cannot be reached" in refusal(settings(address))


def test_workers_elsewhere_cannot_call_the_loopback() -> None:
    assert refusal(settings("http://192.0.2.1:8265")).startswith("RAVINE_URL: workers on Ray's nodes cannot call")


def test_the_token_may_lie_in_a_file(address: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ray") / "token"
    path.write_text(f"{TOKEN}\n")
    client = ray_client(RaySettings.model_validate({"ray_address": address, "ray_auth_token_path": path}))
    client.look()
    client.close()
