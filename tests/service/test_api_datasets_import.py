"""Uploads with the real importing child behind the API."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.make_finches import write
from tests.service.api_house import ApiHouse, problem
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.test_api_datasets import nothing_is_left, upload
from trainer.importing.child import COMMAND

EXAMPLES = Path(__file__).parents[2] / "examples"
FINCHES = (EXAMPLES / "finches.csv").read_bytes()


@pytest.fixture
def api(coordinator_house: CoordinatorHouse) -> ApiHouse:
    """The API with the real import."""
    return ApiHouse(coordinator_house, import_command=COMMAND)


def pickled() -> bytes:
    """An NPZ with an object in it, that only pickle could read."""
    file = io.BytesIO()
    np.savez(file, x=np.array([{"a": 1}], dtype=object), y=np.zeros(1))
    return file.getvalue()


def bomb() -> bytes:
    """A small NPZ that is 4 GiB once it is unpacked."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**20, 1024)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(1_000_000))
        archive.writestr("y.npy", header.getvalue() + bytes(1_000_000))
    return file.getvalue()


def test_the_example_is_read_split_and_described(api: ApiHouse) -> None:
    answer = upload(api, FINCHES, file="finches.csv", target="species")
    assert answer.status_code == 201, answer.text
    data = answer.json()
    assert (data["name"], data["task"]) == ("finches", "classification")
    assert data["rows"] == {"train": 180, "validation": 60, "test": 60}
    assert (data["num_classes"], sum(data["class_counts"])) == (3, 180)
    roles = {column["name"]: (column["type"], column["role"]) for column in data["report"]["columns"]}
    assert roles["island"] == ("text", "feature")
    assert roles["species"] == ("text", "target")
    (warning,) = data["warnings"]
    assert "unbalanced" in warning
    assert upload(api, FINCHES, file="finches.csv", target="species").status_code == 200
    twin = upload(api, FINCHES, name="birds", target="species")
    assert (twin.status_code, twin.json()["sha256"]) == (201, data["sha256"])
    problem(upload(api, FINCHES, file="finches.csv", target="species", split_seed=1), 409)


def test_a_sweep_on_it_hears_that_accuracy_misleads(api: ApiHouse) -> None:
    upload(api, FINCHES, file="finches.csv", target="species")
    for metric, warned in (("val_accuracy", True), ("val_f1_macro", False)):
        body = {"problem": {"dataset": "finches"}, "metric": {"name": metric}}
        answer = api.ask("POST", "/v1/sweeps?validate_only=true", json=body)
        assert answer.status_code == 200, answer.text
        assert any("unbalanced" in warning for warning in answer.json()["warnings"]) == warned


BAD: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "empty": (b"", {"target": "y"}, "file"),
    "no target": (FINCHES, {}, "target"),
    "another target": (FINCHES, {"target": "colour"}, "target"),
    "ragged": (b"a,y\n" + b"1,x\n2,y\n" * 20 + b"1,2,3\n", {"target": "y"}, "file"),
    "wrong delimiter": (FINCHES, {"target": "species", "delimiter": ";"}, "delimiter"),
    "latin-1": ("stra\xdfe,y\n".encode("latin-1") + b"1,x\n2,y\n" * 20, {"target": "y"}, "encoding"),
    "latin-1 everywhere": (
        "stra\xdfe,b,y\n".encode("latin-1") + b"m\xfcller,1,x\nx,2,y\n" * 20,
        {"target": "y"},
        "encoding",
    ),
    "no group": (FINCHES, {"target": "species", "split": "group", "split_column": "nest"}, "split_column"),
    "pickled": (pickled(), {}, "file"),
    "a bomb": (bomb(), {}, "file"),
    "ends early": (bomb()[:5000], {}, "file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read(api: ApiHouse, name: str) -> None:
    content, texts, field = BAD[name]
    body = problem(upload(api, content, **texts), 422)
    assert [error["field"] for error in body["errors"]] == [field], body
    assert all(error["message"] and error["mend"] for error in body["errors"])
    assert nothing_is_left(api)


def test_the_example_is_what_its_script_makes() -> None:
    text = io.StringIO()
    write(text)
    assert text.getvalue().encode() == FINCHES
