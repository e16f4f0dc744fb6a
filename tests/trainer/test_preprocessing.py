import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import trainer.packed.preprocessing
from trainer.packed.preprocessing import decode, encode

AGE = {"name": "age", "kind": "number", "fill": None, "mean": 40.0, "scale": 10.0}
COLOUR = {"name": "colour", "kind": "category", "fill": None, "values": ["blue", "red"]}
TABLE = {"kind": "table", "columns": [AGE, COLOUR]}
FILLED = {"kind": "table", "columns": [{**AGE, "fill": 50.0}, {**COLOUR, "fill": "red"}]}
PIXELS = {"kind": "array", "shape": [2, 1, 2], "mean": [1.0, 2.0], "scale": [1.0, 2.0]}
NUMBERS = {"kind": "array", "shape": [2], "mean": [0.0, 1.0], "scale": [1.0, 2.0]}
SPECIES = {"kind": "classes", "name": "species", "classes": ["cat", "dog", "owl"]}


def test_rows_are_objects_or_lists_and_texts_may_be_numbers() -> None:
    rows = [{"colour": "red", "age": 50}, [30, "blue"], ["45.5", " red "], {"age": True, "colour": "green"}]
    expected = [[1, 0, 1], [-1, 1, 0], [0.55, 0, 1], [-3.9, 0, 0]]
    found = encode(TABLE, rows=rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("missing", [None, "", "NA", float("nan"), "null"])
def test_a_missing_value_becomes_the_fill(missing: Any) -> None:
    np.testing.assert_array_equal(encode(FILLED, rows=[[missing, missing]]), [[1, 0, 1]])
    np.testing.assert_array_equal(encode(FILLED, rows=[{}]), [[1, 0, 1]])
    with pytest.raises(ValueError, match="row 2, column 'age': the value is missing"):
        encode(TABLE, rows=[[1, "red"], [missing, "red"]])


def test_truth_values_are_known_however_they_are_written() -> None:
    member = {"name": "member", "kind": "category", "fill": None, "values": ["false", "true"]}
    found = encode({"kind": "table", "columns": [member]}, rows=[[True], ["True"], ["FALSE"], [False]])
    np.testing.assert_array_equal(found, [[0, 1], [0, 1], [1, 0], [1, 0]])


def test_what_stands_beside_the_columns_is_not_read() -> None:
    both = {**TABLE, "beside": ["species"]}
    row = {"age": 50, "colour": "red"}
    np.testing.assert_array_equal(encode(both, rows=[{**row, "species": "cat"}, row]), encode(TABLE, rows=[row, row]))
    with pytest.raises(ValueError, match="row 1: there is no column 'specie'"):
        encode(both, rows=[{**row, "specie": "cat"}])


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"age": 1, "colour": "red", "size": 3}, "row 2: there is no column 'size'"),
        ({"s" * 900_000: 3}, "row 2: there is no column 'sss"),
        ([1], "row 2: it has 1 values and there are 2 columns"),
        ("ab", "row 2: give an object by column name, or a list of 2 values"),
        (7, "row 2: give an object"),
        (["old", "red"], "row 2, column 'age': 'old' is no number"),
        ([[1, 2], "red"], "row 2, column 'age': .* is no number"),
        ([10**400, "red"], "row 2, column 'age': .* is no number"),
        ([float("inf"), "red"], "row 2, column 'age': the number is infinite or too large"),
        ([1e300, "red"], "row 2, column 'age': the number is infinite or too large"),
        ({"age": 3}, "row 2, column 'colour': the value is missing"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        encode(TABLE, rows=[[1, "red"], row])
    assert len(str(raised.value)) < 200


def test_arrays_are_nested_or_flat_and_standardised_by_channel() -> None:
    expected = np.array([[[[0, 1]], [[0.5, 1]]]], dtype=np.float32)
    np.testing.assert_array_equal(encode(PIXELS, rows=[[[[1, 2]], [[3, 4]]]]), expected)
    np.testing.assert_array_equal(encode(PIXELS, rows=[[1, 2, 3, 4]]), expected)
    np.testing.assert_array_equal(encode(NUMBERS, rows=[[1, 2], (3, 4)]), [[1, 0.5], [3, 1.5]])
    one = {"kind": "array", "shape": [1], "mean": [1.0], "scale": [1.0]}
    np.testing.assert_array_equal(encode(one, rows=[1, 2]), [[0], [1]])


@pytest.mark.parametrize("row", [[1, 2, 3], [[1, 2]], "xy", None, {"a": 1}, [1, "x"], [1, [2]], [1, 10**400]])
def test_an_array_of_another_shape_is_named(row: Any) -> None:
    with pytest.raises(ValueError, match=r"row 3: give numbers in the shape \[2\], or 2 of them"):
        encode(NUMBERS, rows=[[1, 2], [1, 2], row])


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e300])
def test_a_number_that_is_none_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match="row 2: a number is missing, infinite or too large"):
        encode(NUMBERS, rows=[[1, 2], [1, value]])


@pytest.mark.parametrize("inputs", [TABLE, NUMBERS, PIXELS])
def test_no_rows_are_no_rows(inputs: dict[str, Any]) -> None:
    assert len(encode(inputs, rows=[])) == 0


@given(hnp.arrays(np.float32, (5, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_probabilities_sum_to_one_whatever_the_logits(logits: Any) -> None:
    found = decode(SPECIES, outputs=logits)
    probabilities = np.array(found["probabilities"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert found["predictions"] == [SPECIES["classes"][index] for index in logits.argmax(axis=1)]
    assert found["classes"] == ["cat", "dog", "owl"]


def test_numbers_come_back_in_their_own_unit() -> None:
    price = {"kind": "number", "name": "price", "mean": 3.0, "scale": 2.0}
    assert decode(price, outputs=np.array([[0.0], [1.5], [np.nan]], dtype=np.float32)) == {
        "predictions": [3.0, 6.0, None]
    }


def test_outputs_of_which_nothing_is_known_stay_as_they_are() -> None:
    outputs = np.array([[1, np.inf]], dtype=np.float32)
    assert decode({"kind": "raw"}, outputs=outputs) == {"predictions": [[1.0, None]]}


def test_a_model_that_says_nan_predicts_nothing() -> None:
    found = decode(SPECIES, outputs=np.array([[1.0, np.nan, 0.0], [0.0, 9.0, 0.0], [np.inf, 0.0, 0.0]]))
    assert found["predictions"] == [None, "dog", None]
    assert found["probabilities"][0] == [None, None, None]


def test_the_text_imports_numpy_and_the_standard_library_alone() -> None:
    tree = ast.parse(Path(trainer.packed.preprocessing.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= {"numpy", *sys.stdlib_module_names}
