"""Uploads over HTTP: what is kept, what is refused, and that a refusal leaves nothing behind. The import is a fake."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.service.api_house import ApiHouse, problem
from tests.service.scripted_worker import ScriptedWorker

CSV = b"a,b,y\n1,2,x\n"


def upload(api: ApiHouse, content: bytes = CSV, *, file: str = "birds.csv", **texts: Any) -> httpx.Response:
    """POST of a file with these texts beside it."""
    return api.ask("POST", "/v1/datasets", files={"file": (file, content)}, data=texts)


def files(api: ApiHouse) -> list[str]:
    """What lies in the folder of files, besides its marker."""
    return sorted(one.name for one in api.house.files.folder.iterdir() if not one.name.startswith("marker-"))


def nothing_is_left(api: ApiHouse) -> bool:
    """Neither a data set nor a file."""
    return api.get("/v1/datasets")["items"] == [] and files(api) == []


def test_an_upload_is_described_and_can_be_trained_on(api_house: ApiHouse) -> None:
    answer = upload(api_house, target="y", ignore="a, b", split="group", split_column="a")
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/v1/datasets/birds"
    data = answer.json()
    assert (data["name"], data["rows"]) == ("birds", {"train": 60, "validation": 20, "test": 20})
    assert data["warnings"] == ["a test wrote it"]
    assert files(api_house) == [f"{data['sha256']}.safetensors"]
    assert api_house.get("/v1/datasets/birds") == data
    assert api_house.get("/v1/datasets")["items"] == [{**data, "report": None}]
    sweep = api_house.get(f"/v1/sweeps/{api_house.create(problem={'dataset': 'birds'})}")
    assert sweep["spec"]["problem"]["digest"] == data["sha256"]
    assert sweep["spec"]["metric"] == {"name": "val_accuracy", "goal": "maximize"}
    (handed,) = ScriptedWorker(api_house.house.coordinator).take()
    assert (handed.problem.name, handed.problem.digest) == ("birds", data["sha256"])


def test_the_same_again_is_the_one_that_is_there(api_house: ApiHouse) -> None:
    first, again = upload(api_house), upload(api_house)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(files(api_house)) == 1


def test_another_name_for_the_same_content_shares_its_file(api_house: ApiHouse) -> None:
    first, second = upload(api_house, name="one"), upload(api_house, name="two")
    assert (second.status_code, second.json()["sha256"]) == (201, first.json()["sha256"])
    assert [each["name"] for each in api_house.get("/v1/datasets")["items"]] == ["two", "one"]
    assert api_house.ask("DELETE", "/v1/datasets/one").status_code == 204
    assert len(files(api_house)) == 1
    assert api_house.ask("DELETE", "/v1/datasets/two").status_code == 204
    assert nothing_is_left(api_house)


def test_a_name_stands_for_one_content(api_house: ApiHouse) -> None:
    kept = upload(api_house).json()
    for other in (upload(api_house, b"a,b,y\n9,9,x\n"), upload(api_house, target="y")):
        (error,) = problem(other, 409)["errors"]
        assert (error["field"], error["mend"]) == ("name", "give another name")
    assert api_house.get("/v1/datasets")["items"] == [{**kept, "report": None}]
    assert len(files(api_house)) == 1


def test_the_name_of_a_data_set_that_ships_with_ravine_is_taken(api_house: ApiHouse) -> None:
    problem(upload(api_house, name="digits"), 409)
    assert nothing_is_left(api_house)
    problem(api_house.ask("DELETE", "/v1/datasets/digits"), 404)


def test_a_data_set_that_a_sweep_uses_stays(api_house: ApiHouse) -> None:
    upload(api_house)
    sweep = api_house.create(problem={"dataset": "birds"})
    assert sweep in problem(api_house.ask("DELETE", "/v1/datasets/birds"), 409)["detail"]
    api_house.ask("POST", f"/v1/sweeps/{sweep}:cancel")
    assert sweep in problem(api_house.ask("DELETE", "/v1/datasets/birds"), 409)["detail"]
    assert len(files(api_house)) == 1
    assert api_house.ask("DELETE", f"/v1/sweeps/{sweep}").status_code == 204
    assert api_house.ask("DELETE", "/v1/datasets/birds").status_code == 204
    assert nothing_is_left(api_house)
    problem(api_house.ask("GET", "/v1/datasets/birds"), 404)


def test_the_answer_warns_where_accuracy_misleads(api_house: ApiHouse) -> None:
    upload(api_house, b"classes 90 10", name="rare")
    upload(api_house, b"classes 60 40", name="even")
    created = api_house.ask("POST", "/v1/sweeps", json={"problem": {"dataset": "rare"}}).json()
    assert any("the classes are unbalanced" in warning for warning in created["warnings"])
    sweeps = {name: api_house.create(problem={"dataset": name}) for name in ("rare", "even")}
    ScriptedWorker(api_house.house.coordinator).work()
    warnings = {name: api_house.get(f"/v1/sweeps/{sweep}/best")["warnings"] for name, sweep in sweeps.items()}
    assert any("0.90 where that one is always guessed" in warning for warning in warnings["rare"])
    assert not any("unbalanced" in warning for warning in warnings["even"])


def test_data_sets_are_paged_the_newest_first(api_house: ApiHouse) -> None:
    for name in ("a", "b", "c"):
        upload(api_house, name=name)
    first = api_house.get("/v1/datasets?page_size=2")
    rest = api_house.get(f"/v1/datasets?page_size=2&page_token={first['next_page_token']}")
    assert [each["name"] for each in first["items"] + rest["items"]] == ["c", "b", "a"]
    assert rest["next_page_token"] is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("penguins.csv", "penguins"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\my birds (2).csv", "my-birds-2"),
        ("Münster.parquet", "Münster"),
        (".csv", "csv"),
        ("...", "dataset"),
        ("x" * 300 + ".npz", "x" * 100),
    ],
)
def test_the_files_own_name_is_made_fit(api_house: ApiHouse, file: str, name: str) -> None:
    assert upload(api_house, file=file).json()["name"] == name


@pytest.mark.parametrize(("content", "status"), [(b"dies", 413), (b"mute", 422), (b"raises", 422)])
def test_an_import_that_fails(api_house: ApiHouse, content: bytes, status: int) -> None:
    answer = upload(api_house, content)
    assert problem(answer, status)["errors"][0]["field"] == "file"
    assert "secret" not in answer.text
    assert nothing_is_left(api_house)


def test_a_disk_that_fills_during_the_import(api_house: ApiHouse) -> None:
    answer = upload(api_house, b"full")
    problem(answer, 507)
    assert answer.headers["retry-after"]
    assert nothing_is_left(api_house)


def test_an_import_that_never_ends(api_house: ApiHouse) -> None:
    impatient = ApiHouse(api_house.house, import_seconds=1)
    (error,) = problem(upload(impatient, b"slow"), 413)["errors"]
    assert "RAVINE_UPLOAD_SECONDS" in error["mend"]
    assert nothing_is_left(api_house)


def test_what_the_import_complains_of_has_its_name_in_the_form(api_house: ApiHouse) -> None:
    (error,) = problem(upload(api_house, b"refused"), 422)["errors"]
    assert error == {"field": "split_column", "message": "no column 'when'", "mend": "use one of a, b"}
    assert nothing_is_left(api_house)


def test_uploads_side_by_side(api_house: ApiHouse) -> None:
    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=api_house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            posts = (client.post("/v1/datasets", files={"file": ("birds.csv", CSV)}) for _ in range(6))
            return await asyncio.gather(*posts)

    statuses = [answer.status_code for answer in asyncio.run(all_at_once())]
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(files(api_house)) == 1


def test_a_token_is_wanted_where_there_is_one(api_house: ApiHouse) -> None:
    closed = ApiHouse(api_house.house, user_token="secret")
    for answer in (upload(closed), closed.ask("GET", "/v1/datasets"), closed.ask("DELETE", "/v1/datasets/birds")):
        problem(answer, 401)
    assert nothing_is_left(api_house)
