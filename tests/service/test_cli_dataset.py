"""`ravine dataset` and the client's data sets, against an API that says what the test wrote."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import Client
from service.client_errors import Refused
from tests.service.scripted_api import Said, ScriptedApi, dataset_answer, one, page, problem, scripted_api
from tests.service.test_cli import ravine


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        yield serving


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    file = tmp_path / "birds.csv"
    file.write_bytes(b"wing,kind\n" + b"1.5,finch\n" * 50_000)
    return file


def test_the_client_sends_the_file_piece_by_piece_with_its_options(api: ScriptedApi, birds: Path) -> None:
    api.says("POST /v1/datasets", one(dataset_answer(), status=201))
    sent: list[int] = []
    with Client(api.url, token="secret") as client:
        kept = client.add_dataset(birds, sent=sent.append, target="kind", ignore=["a", "b"], split_seed=3, name=None)
    assert kept == dataset_answer()
    assert len(sent) > 2
    assert sent == sorted(sent)
    assert sent[-1] == birds.stat().st_size
    [heard] = api.heard
    assert int(heard.headers["Content-Length"]) > birds.stat().st_size
    assert b'name="file"; filename="birds.csv"' in heard.body
    for name, text in (("target", b"kind"), ("ignore", b"a,b"), ("split_seed", b"3")):
        assert b'name="%s"\r\n\r\n%s\r\n' % (name.encode(), text) in heard.body
    assert b'name="name"' not in heard.body
    assert birds.read_bytes() in heard.body


def test_the_clients_other_verbs(api: ScriptedApi) -> None:
    api.says("GET /v1/datasets", page(dataset_answer("a"), next_page_token="t"), page(dataset_answer("b")))
    api.says("GET /v1/datasets/v%C3%B6gel", one(dataset_answer("vögel")))
    api.says("DELETE /v1/datasets/a", Said(status=204))
    api.says("DELETE /v1/datasets/b", problem(409, detail="used by the sweep s1"))
    with Client(api.url) as client:
        assert [each.name for each in client.datasets()] == ["a", "b"]
        assert client.dataset("vögel").name == "vögel"
        client.delete_dataset("a")
        with pytest.raises(Refused, match="s1"):
            client.delete_dataset("b")


def test_add_says_what_became_of_the_file(api: ScriptedApi, birds: Path) -> None:
    api.says("POST /v1/datasets", one(dataset_answer(), status=201))
    options = ("--target", "kind", "--split", "group", "--split-column", "nest", "--ignore", "a", "--ignore", "b")
    done = ravine("dataset", "add", str(birds), *options, "--missing", "impute", "--format", "csv", url=api.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "birds: classification, 100 rows (60 train, 20 validation, 20 test)",
        "Examples: 1 numbers each",
        "Classes: finch (40 to train on), tit (20 to train on)",
        "  wing: double, feature, 3 missing; standardised",
        "  kind: text, target, 0 missing",
        "Warning: few rows",
        f"SHA-256: {'a' * 64}",
    ]
    body = api.heard[0].body
    for name, text in (("split_column", b"nest"), ("ignore", b"a,b"), ("missing", b"impute"), ("format", b"csv")):
        assert b'name="%s"\r\n\r\n%s\r\n' % (name.encode(), text) in body


def test_list_show_and_rm(api: ScriptedApi) -> None:
    api.says("GET /v1/datasets", page(dataset_answer()))
    api.says("GET /v1/datasets/birds", one(dataset_answer()))
    api.says("DELETE /v1/datasets/birds", Said(status=204))
    listed = ravine("dataset", "list", url=api.url).stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["name", "task", "rows", "example", "classes"],
        ["birds", "classification", "100", "1", "2"],
    ]
    assert ravine("dataset", "show", "birds", url=api.url).stdout.startswith("birds: classification, 100 rows")
    assert ravine("dataset", "rm", "birds", url=api.url).stdout == "birds is removed.\n"


def test_what_goes_wrong_is_one_line_each(api: ScriptedApi, birds: Path) -> None:
    errors = [{"field": "target", "message": "no column 'kind'", "mend": "use one of a, b"}]
    api.says("POST /v1/datasets", problem(422, detail="target", errors=errors))
    done = ravine("dataset", "add", str(birds), url=api.url)
    assert (done.returncode, done.stderr) == (1, "error: target: no column 'kind'; use one of a, b\n")
    gone = ravine("dataset", "add", str(birds.with_name("gone.csv")), url=api.url)
    assert gone.returncode == 2
    assert "gone.csv cannot be read: No such file or directory" in gone.stderr
