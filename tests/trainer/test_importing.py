import datetime
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.uploads import columns, csv_of, imported, npz_of, opened, parquet_of, people
from trainer.packed.preprocessing import encode
from trainer.prepared import PARTS


def test_a_csv_becomes_a_file_named_by_its_content(tmp_path: Path) -> None:
    answered = imported(tmp_path, content=csv_of(people()), target="species")
    about, tensors = opened(tmp_path, answered=answered)
    assert answered.facts is not None
    assert answered.file is not None
    assert (answered.facts.name, answered.facts.digest) == ("mine", answered.file.sha256)
    assert answered.facts.task == "classification"
    assert (answered.facts.num_train, answered.facts.num_validation, answered.facts.num_test) == (36, 12, 12)
    assert answered.facts.class_counts == (18, 18)
    assert answered.facts.input_shape == (7,)
    assert about.preprocessing["target"] == {"kind": "classes", "name": "species", "classes": ["cat", "dog"]}
    assert tensors["train_x"].shape == (36, 7)
    assert (str(tensors["train_x"].dtype), str(tensors["train_y"].dtype)) == ("float32", "int64")
    assert answered.report == about.report
    assert columns(about.report, field="role") == {
        **dict.fromkeys(["age", "height", "colour", "member"], "feature"),
        "species": "target",
    }
    assert about.report["classes"][0] == {"name": "cat", "train": 18, "validation": 6, "test": 6}
    assert (about.report["delimiter"], about.report["format"], about.report["warnings"]) == (",", "csv", [])


def test_the_same_upload_is_the_same_file_under_any_name(tmp_path: Path) -> None:
    content = csv_of(people())
    first = imported(tmp_path, content=content, target="species")
    again = imported(tmp_path, content=content, target="species", name="other")
    otherwise = imported(tmp_path, content=content, target="species", split={"kind": "random", "seed": 1})
    assert first.file == again.file
    assert first.file != otherwise.file
    assert len(list((tmp_path / "files").iterdir())) == 2


@pytest.mark.parametrize("file_format", ["csv", "parquet", "gzip"])
def test_every_format_gives_the_same_numbers(tmp_path: Path, file_format: str) -> None:
    plain = csv_of(people())
    content = {"csv": plain, "gzip": gzip.compress(plain), "parquet": parquet_of(people())}[file_format]
    _, expected = opened(tmp_path, answered=imported(tmp_path, content=plain, target="species"))
    _, found = opened(tmp_path, answered=imported(tmp_path, content=content, target="species"))
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_the_prepared_rows_are_what_predict_makes_of_the_raw_ones(tmp_path: Path) -> None:
    table = people(40)
    height = [*map(str, table["height"])]
    height[3] = "NA"
    table |= {"height": height, "part": np.resize(["train", "val", "test", "train"], 40)}
    split = {"kind": "column", "column": "part"}
    answered = imported(tmp_path, content=csv_of(table), target="species", split=split, missing="impute")
    about, tensors = opened(tmp_path, answered=answered)
    names = ["age", "height", "colour", "member"]
    rows = [{name: table[name][row] for name in names} for row in range(40)]
    for part, shown in zip(PARTS, ("train", "val", "test"), strict=True):
        some = [row for row, name in zip(rows, table["part"], strict=True) if name == shown]
        np.testing.assert_array_equal(tensors[f"{part}_x"], encode(about.preprocessing["inputs"], rows=some))


def test_everything_is_fitted_on_train_alone(tmp_path: Path) -> None:
    part = np.resize(["train", "train", "train", "validation", "test"], 30)
    table = {
        "a": np.where(part == "train", np.arange(30) % 2, 1000 + np.arange(30)),
        "b": np.where(part == "train", np.resize(["x", "y"], 30), "z"),
        "price": np.arange(30) * 1.5,
        "part": part,
    }
    answered = imported(tmp_path, content=csv_of(table), target="price", split={"kind": "column", "column": "part"})
    about, tensors = opened(tmp_path, answered=answered)
    first, second = about.preprocessing["inputs"]["columns"]
    assert second["values"] == ["x", "y"]
    assert first["mean"] == np.mean(table["a"][part == "train"])
    np.testing.assert_allclose(tensors["train_x"][:, 0].std(), 1, rtol=1e-6)
    assert not tensors["test_x"][:, 1:].any()
    assert about.facts.task == "regression"
    target = about.preprocessing["target"]
    found = tensors["test_y"][:, 0] * target["scale"] + target["mean"]
    np.testing.assert_allclose(found, table["price"][part == "test"], rtol=1e-5)


def test_missing_values_become_the_median_and_the_most_frequent(tmp_path: Path) -> None:
    table = people()
    table["age"] = [""] * 2 + [*map(str, table["age"][2:])]
    table["colour"] = ["NA", *table["colour"][1:]]
    answered = imported(tmp_path, content=csv_of(table), target="species", missing="impute")
    about, _ = opened(tmp_path, answered=answered)
    age, _, colour, _ = about.preprocessing["inputs"]["columns"]
    assert isinstance(age["fill"], float)
    assert colour["fill"] in colour["values"]
    assert columns(about.report, field="missing") == {"age": 2, "height": 0, "colour": 1, "member": 0, "species": 0}


def test_what_says_nothing_is_left_out_and_said(tmp_path: Path) -> None:
    table = {"": np.arange(60), **people(), "same": [7] * 60, "void": [""] * 60, "id": np.arange(60)}
    answered = imported(tmp_path, content=csv_of(table), target="species", ignore=["id"])
    about, _ = opened(tmp_path, answered=answered)
    roles = columns(about.report, field="role")
    assert (roles["same"], roles["void"], roles["id"]) == ("constant", "constant", "ignored")
    assert "'same', 'void'" in about.report["warnings"][0]
    assert "1 columns without a name" in about.report["warnings"][1]
    inputs = about.preprocessing["inputs"]
    assert [column["name"] for column in inputs["columns"]] == [*people()][:-1]
    assert set(inputs["beside"]) == {"", "same", "void", "id", "species"}


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["a", "b"], "classification"),
        (["True", "False"], "classification"),
        ([0, 1, 2], "classification"),
        ([0.5, 1.0], "regression"),
        (range(60), "regression"),
        (range(15), "regression"),
    ],
)
def test_the_task_is_guessed_from_the_target(tmp_path: Path, target: Any, task: str) -> None:
    table = {"a": np.arange(60), "y": np.resize(list(target), 60)}
    about, _ = opened(tmp_path, answered=imported(tmp_path, content=csv_of(table), target="y"))
    assert about.facts.task == task
    assert about.report["task"] == task


def test_classes_of_whole_numbers_stay_numbers(tmp_path: Path) -> None:
    table = {"a": np.arange(60), "y": np.resize([3, 5], 60)}
    about, _ = opened(tmp_path, answered=imported(tmp_path, content=csv_of(table), target="y"))
    assert about.preprocessing["target"]["classes"] == [3, 5]
    told = imported(tmp_path, content=csv_of(table), target="y", task="regression")
    assert opened(tmp_path, answered=told)[0].facts.task == "regression"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_is_guessed_and_a_bom_is_no_letter(tmp_path: Path, delimiter: str, prefix: bytes) -> None:
    content = prefix + csv_of(people(), delimiter=delimiter).replace(b"\n", b"\r\n")
    about, _ = opened(tmp_path, answered=imported(tmp_path, content=content, target="species"))
    assert about.report["delimiter"] == delimiter
    assert about.report["columns"][0]["name"] == "age"


def test_a_decimal_comma_is_read_where_it_is_told(tmp_path: Path) -> None:
    content = csv_of(people(), delimiter=";").replace(b".", b",")
    _, expected = opened(tmp_path, answered=imported(tmp_path, content=csv_of(people()), target="species"))
    _, found = opened(tmp_path, answered=imported(tmp_path, content=content, target="species", decimal=","))
    np.testing.assert_array_equal(found["train_x"], expected["train_x"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_other_encodings_are_read_where_they_are_told(tmp_path: Path, encoding: str) -> None:
    table = people() | {"species": np.resize(["Kätzchen", "Hündchen"], 60)}
    content = csv_of(table).decode().encode(encoding)
    answered = imported(tmp_path, content=content, target="species", encoding=encoding)
    assert opened(tmp_path, answered=answered)[0].preprocessing["target"]["classes"] == ["Hündchen", "Kätzchen"]


def test_odd_names_and_quoted_values_are_kept(tmp_path: Path) -> None:
    odd = "=1+1 <b> ünï \U0001f40d '/../"
    said = [f'"he said ""{number % 3}"",\nand left"' for number in range(60)]
    table = {odd: np.arange(60), "said": said, "y": np.arange(60) % 2}
    about, _ = opened(tmp_path, answered=imported(tmp_path, content=csv_of(table), target="y"))
    names = [column["name"] for column in about.preprocessing["inputs"]["columns"]]
    assert names == [odd, "said"]
    assert about.preprocessing["inputs"]["columns"][1]["values"][0] == 'he said "0",\nand left'


def test_images_are_standardised_by_channel(tmp_path: Path) -> None:
    random = np.random.RandomState(3)
    x = random.randint(0, 256, (50, 3, 4, 5)).astype(np.uint8)
    y = np.arange(50) % 5
    answered = imported(tmp_path, content=npz_of(x=x, y=y))
    about, tensors = opened(tmp_path, answered=answered)
    assert about.facts.input_shape == (3, 4, 5)
    assert about.facts.num_classes == 5
    assert tensors["train_x"].shape == (30, 3, 4, 5)
    np.testing.assert_allclose(tensors["train_x"].mean(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(tensors["train_x"].std(axis=(0, 2, 3)), 1, atol=1e-6)
    every = np.concatenate([tensors[f"{part}_x"] for part in PARTS])
    raw = encode(about.preprocessing["inputs"], rows=x.tolist())
    assert sorted(map(bytes, every)) == sorted(map(bytes, raw))


def test_parquet_brings_its_own_types(tmp_path: Path) -> None:
    times = [datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=number) for number in range(60)]
    table = people() | {"at": times, "member": np.arange(60) % 3 == 0, "maybe": [None, 1.5, 2.5] * 20}
    content = parquet_of(table)
    split = {"kind": "time", "column": "at"}
    answered = imported(tmp_path, content=content, target="species", split=split, missing="impute")
    about, _ = opened(tmp_path, answered=answered)
    types = columns(about.report, field="type")
    assert (types["age"], types["member"], types["colour"], types["at"]) == ("int64", "bool", "text", "timestamp[us]")
    assert columns(about.report, field="missing")["maybe"] == 20
