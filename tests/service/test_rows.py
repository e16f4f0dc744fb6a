"""Rows that users want predicted, as JSON and as CSV."""

from typing import Any

import pytest

from service.errors import InvalidRequest
from service.rows import MAX_ROWS, rows_of_csv, rows_of_json, wrong_rows


@pytest.mark.parametrize(
    "rows", [[{"age": 1, "colour": None}], [[1, 2.5, "x", True]], [[[[1.0, 2.0]], [[3.0, 4.0]]]], [{}], [[]]]
)
def test_rows_of_json_are_taken_as_they_are(rows: list[Any]) -> None:
    assert rows_of_json({"rows": rows}) == rows


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "rows"),
        ({}, "rows"),
        ({"rows": 1}, "rows"),
        ({"rows": []}, "rows"),
        ({"rows": [[1]] * (MAX_ROWS + 1)}, "rows"),
        ({"rows": [[1]], "trial": 3}, "trial"),
        ({"rows": [[1], 2]}, "row 2"),
        ({"rows": [{"a": float("nan")}]}, "row 1, column 'a'"),
        ({"rows": [[1, float("inf")]]}, "row 1, column '2'"),
        ({"rows": [{"a": [1]}]}, "row 1, column 'a'"),
        ({"rows": [{"a": {}}]}, "row 1, column 'a'"),
        ({"rows": [{"a": 10**400}]}, "row 1, column 'a'"),
        ({"rows": [{"a": "\ud800"}]}, "row 1, column 'a'"),
        ({"rows": [{"\ud800": 1}]}, "row 1, column '?'"),
        ({"rows": [[[[[[1]]]]]]}, "row 1, column '1'"),
    ],
)
def test_what_is_wrong_in_json_is_named(body: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        rows_of_json(body)
    (error,) = raised.value.errors
    assert error.field == field
    raised.value.detail.encode()


def test_a_csv_is_rows_by_its_header() -> None:
    body = b'\xef\xbb\xbfage, colour\r\n39,"red, or so"\r\n\r\n,blue\n'
    assert rows_of_csv(body) == [{"age": "39", "colour": "red, or so"}, {"age": "", "colour": "blue"}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "header"),
        (b"a,a\n1,2\n", "header"),
        (b"a,b\n", "rows"),
        (b"a,b\n1,2\n3\n", "row 2"),
        (b"a\n\xe9\n", "body"),
        (b"a;b\n1;2\n", "header"),
        (b"a\tb\n1\t2\n", "header"),
        (b'a\n"1\n', "body"),
        (b"a\n" + b"1\n" * (MAX_ROWS + 1), "rows"),
        (b"a\n" + b"x" * 200_000, "body"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(body: bytes, field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        rows_of_csv(body)
    assert raised.value.errors[0].field == field


def test_what_a_worker_says_of_rows_is_a_field_error() -> None:
    (error,) = wrong_rows("row 3, column 'age': the value is missing; give one").errors
    assert (error.field, error.message, error.mend) == ("row 3, column 'age'", "the value is missing", "give one")
