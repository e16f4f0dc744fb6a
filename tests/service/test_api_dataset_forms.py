"""The form of an upload: what it may say, and bodies that are none."""

import asyncio
import gzip
from typing import Any

import pytest

from tests.service.api_house import ApiHouse, in_pieces, problem
from tests.service.json_schema import faults
from tests.service.test_api_datasets import CSV, files, nothing_is_left, upload
from tests.service.test_api_document import schema_of

BOUNDARY = "b0undary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes, *, more: str = "") -> bytes:
    """One part of a form."""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def whole(*parts: bytes) -> bytes:
    """A form of these parts."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FILE_PART = part("file", CSV, more='; filename="birds.csv"')


BAD_TEXTS = [
    ({"name": "a/b"}, "name"),
    ({"name": "../etc"}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"task": "ranking"}, "task"),
    ({"targt": "y"}, "targt"),
    ({"split": "shuffle"}, "split"),
    ({"split": "group"}, "split_column"),
    ({"split_column": "a"}, "split_column"),
    ({"split": "time", "split_column": "a", "split_seed": "1"}, "split_seed"),
    ({"split_seed": "-1"}, "split_seed"),
    ({"max_categories": "many"}, "max_categories"),
    ({"delimiter": ";;"}, "delimiter"),
    ({"missing": "drop"}, "missing"),
    ({"encoding": "klingon"}, "encoding"),
    ({"ignore": "x" * 501}, "ignore"),
    ({"target": "y" * 65_000}, "target"),
]


@pytest.mark.parametrize(("texts", "field"), BAD_TEXTS)
def test_a_text_that_is_wrong(api_house: ApiHouse, texts: dict[str, Any], field: str) -> None:
    errors = problem(upload(api_house, **texts), 422)["errors"]
    assert [error["field"] for error in errors] == [field]
    assert all(error["message"] and error["mend"] for error in errors)
    assert nothing_is_left(api_house)


def test_a_column_without_its_split(api_house: ApiHouse) -> None:
    [error] = problem(upload(api_house, split_column="bird"), 422)["errors"]
    assert error["message"] == "is not for split=random"
    assert "split=group" in error["mend"]
    [error] = problem(upload(api_house, split="tyme", split_column="bird"), 422)["errors"]
    assert error["mend"].startswith("did you mean time?")


BAD_FORMS = {
    "empty": b"",
    "no form": b"a,b,y\n1,2,x\n",
    "no file": whole(part("name", b"x")),
    "no name": whole(b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: form-data\r\n\r\nx\r\n"),
    "cut off in the file": FILE_PART[:-8],
    "cut off before the end": FILE_PART,
    "two files": whole(FILE_PART, FILE_PART),
    "a text twice": whole(FILE_PART, part("name", b"a"), part("name", b"b")),
    "text that is none": whole(FILE_PART, part("name", b"\xff\xfe")),
    "many parts": whole(FILE_PART, *(part(f"n{number}", b"") for number in range(60))),
    "a long header": whole(part("x" * 100_000, b"")),
    "many headers": whole(part("x", b"", more="\r\nA: b" * 1000)),
    "a file of another name": whole(part("upload", CSV, more='; filename="birds.csv"')),
    "another boundary": whole(FILE_PART).replace(BOUNDARY.encode(), b"another"),
    "lines that end in LF": whole(FILE_PART).replace(b"\r\n", b"\n"),
    "something before": b"hello\r\n" + whole(FILE_PART),
    "packed": gzip.compress(whole(FILE_PART)),
    "a boundary within": whole(FILE_PART[:-2] + f"\r\n--{BOUNDARY}\r\n".encode(), part("name", b"x")),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_body_that_is_no_whole_form(api_house: ApiHouse, name: str) -> None:
    body = problem(api_house.ask("POST", "/v1/datasets", content=BAD_FORMS[name], headers=FORM), 422)
    assert body["errors"]
    assert nothing_is_left(api_house)


def test_a_body_cut_off_anywhere(api_house: ApiHouse) -> None:
    body = whole(part("target", b"y"), FILE_PART)
    for num_bytes in range(len(body) - len("--\r\n") + 1):
        problem(api_house.ask("POST", "/v1/datasets", content=body[:num_bytes], headers=FORM), 422)
    assert nothing_is_left(api_house)


@pytest.mark.parametrize(
    "kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 300]
)
def test_a_body_of_another_kind(api_house: ApiHouse, kind: str) -> None:
    problem(api_house.ask("POST", "/v1/datasets", content=whole(FILE_PART), headers={"Content-Type": kind}), 422)
    assert nothing_is_left(api_house)


def test_a_body_in_the_smallest_pieces(api_house: ApiHouse) -> None:
    body = whole(part("name", "vögel".encode()), FILE_PART)
    pieces = in_pieces(body[place : place + 1] for place in range(len(body)))
    answer = api_house.ask("POST", "/v1/datasets", content=pieces, headers=FORM)
    assert (answer.status_code, answer.json()["name"]) == (201, "vögel")
    assert (api_house.house.files.folder / files(api_house)[0]).read_bytes() == CSV


@pytest.mark.parametrize("is_announced", [True, False])
def test_an_upload_that_is_too_large(api_house: ApiHouse, is_announced: bool) -> None:
    body = whole(part("file", b"x" * 3_000_000))
    content = body if is_announced else in_pieces(body[place : place + 65_536] for place in range(0, len(body), 65_536))
    told = problem(api_house.ask("POST", "/v1/datasets", content=content, headers=FORM), 413)
    assert "RAVINE_MAX_UPLOAD_MB" in told["detail"]
    assert nothing_is_left(api_house)


def test_more_than_other_bodies_may_be_is_taken(api_house: ApiHouse) -> None:
    assert upload(api_house, b"x" * 1_500_000).status_code == 201


def test_a_connection_that_breaks_leaves_nothing(api_house: ApiHouse) -> None:
    piece = {"type": "http.request", "body": FILE_PART, "more_body": True}
    messages: list[dict[str, Any]] = [piece, {"type": "http.disconnect"}]
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", FORM["Content-Type"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/datasets", "headers": headers, "query_string": b""}
    # Starlette's types want a MutableMapping where any mapping does.
    asyncio.run(api_house.app(scope, receive, send))  # type: ignore[arg-type]
    assert answered[0]["status"] == 422
    assert nothing_is_left(api_house)


def test_the_form_is_as_documented(api_house: ApiHouse) -> None:
    document = api_house.get("/openapi.json")
    operation = document["paths"]["/v1/datasets"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    for name, schema in form["properties"].items():
        assert schema["type"] in ("string", "integer"), name
        assert schema["description"], name
    texts = {name: schema["default"] for name, schema in form["properties"].items() if "default" in schema}
    for status in (201, 200):
        answer = upload(api_house, **texts)
        assert answer.status_code == status, answer.text
        schema = schema_of(document, method="POST", path="/v1/datasets", status=status)
        assert list(faults(document, schema, answer.json())) == []
