"""Uploads that are not taken: each says which option (or `file`), what is wrong and what to do, and leaves nothing."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.trainer.uploads import Case, check_refused, csv_of
from trainer.importing.options import ImportOptions

N = 60
Y = np.resize(["cat", "dog"], N)
A = np.arange(N)
PLAIN = csv_of({"a": A, "b": A * 0.5, "y": Y})


def with_value(value: object, *, name: str = "a") -> bytes:
    """A CSV file with this value in row 8 of a column of numbers."""
    columns: dict[str, Any] = {"a": [*map(str, A)], "b": [*map(str, A)], "y": Y}
    columns[name] = [*columns[name][:7], str(value), *columns[name][8:]]
    return csv_of(columns)


NOT_CSV: dict[str, Case] = {
    "ragged": (PLAIN.replace(b"\n7,", b"\n7,7,"), {}, "file", "line 9 has 4 values and the first line 3"),
    "ragged after lines that are empty": (b"a,y\n\n1,2\n\n3\n", {}, "file", "line 5 has 1 values and the first line 2"),
    "cut off": (PLAIN[:-8], {}, "file", "line 61 has 2 values"),
    "wrong delimiter": (PLAIN, {"delimiter": ";"}, "delimiter", "is one column with the delimiter ';'"),
    "no delimiter": (b"a:y\n1:2\n3:4\n", {}, "delimiter", "one column without the delimiter"),
    "latin-1": (PLAIN.replace(b"dog", b"d\xf6g"), {}, "encoding", "'y' holds bytes that are not UTF-8"),
    "latin-1 in a name": (PLAIN.replace(b"b,y", b"\xf6,y"), {}, "encoding", "bytes that are not UTF-8"),
    "utf-16 untold": (PLAIN.decode().encode("utf-16"), {}, "file", "bytes of zero; give encoding=utf-16"),
    "utf-16 told and not": (PLAIN, {"encoding": "utf-16"}, "file", "the file has one line"),
    "empty": (b"", {}, "file", "empty"),
    "lines that are empty": (b"\n\n \n", {}, "file", "empty"),
    "names alone": (b"a,b,y\n", {}, "file", "one line"),
    "no names": (b"1,2,3\n4,5,6\n", {}, "file", "first line holds numbers"),
    "garbage": (bytes(range(256)) * 40, {}, "file", "no text"),
    "garbage later": (b"a,y\n" + b"1234567,1\n" * 200_000 + b"\x00,1\n", {}, "file", "no text: it holds bytes of zero"),
    "quote never closed": (PLAIN.replace(b"\n7,", b'\n"7,'), {}, "file", "a quote in line 9 is never closed"),
    "quote never closed in a long file": (
        b'a,y\n1,"2\n' + b"3,4\n" * 2_000_000,
        {},
        "file",
        "line 2 of the file is longer than 1 MiB, or a quote in it never closed",
    ),
    "long line": (b"a,y\n1,2\n" + b"1" * 9_000_000 + b",2\n", {}, "file", "line 3 of the file is longer than 1 MiB"),
    "long first line": (b"a" * 2_000_000 + b",y\n1,2\n", {}, "file", "first line of the file has more than 1 MiB"),
    "long name": (PLAIN.replace(b"b,y", b"b" * 600 + b",y"), {}, "file", "over 500 letters"),
    "one name twice": (PLAIN.replace(b"b,y", b"a ,y"), {}, "file", "several columns are called 'a'"),
    "gzip that ends early": (gzip.compress(PLAIN * 50)[:-40], {}, "file", "gzip file is damaged or ends early"),
}
NOT_A_PROBLEM: dict[str, Case] = {
    "no target": (
        PLAIN,
        {"target": None},
        "target",
        "needs a target; name the column to predict, one of 'a', 'b', 'y'",
    ),
    "unknown target": (PLAIN, {"target": "z"}, "target", "no column 'z'; the columns are 'a', 'b', 'y'"),
    "unknown to ignore": (PLAIN, {"ignore": ["z"]}, "ignore", "no column 'z'"),
    "ignored target": (PLAIN, {"ignore": ["y"]}, "ignore", "'y' is the column of target too"),
    "target that splits": (PLAIN, {"split": {"kind": "group", "column": "y"}}, "split.column", "is the target too"),
    "one class": (PLAIN.replace(b"dog", b"cat"), {}, "target", "is 'cat' in every row: there is nothing to predict"),
    "one number": (csv_of({"a": A, "y": A * 0 + 0.5}), {}, "target", "is '0.5' in every row"),
    "target missing in a row": (
        with_value("", name="y"),
        {"missing": "impute"},
        "target",
        "missing in 1 rows, the first is row 8",
    ),
    "infinite target": (csv_of({"a": A, "y": [*A[1:] / 7, "inf"]}), {}, "target", "infinite in row 60"),
    "dates to predict": (csv_of({"a": A, "y": ["2026-01-01", "2026-01-02"] * 30}), {}, "target", "holds dates"),
    "texts to regress on": (PLAIN, {"task": "regression"}, "task", "regression needs numbers"),
    "classes of fractions": (PLAIN, {"target": "b", "task": "classification"}, "task", "not whole, such as 0.5"),
    "more classes than rows": (csv_of({"a": A, "y": [f"c{n}" for n in A]}), {}, "target", "60 of the 60 classes"),
    "a class of four": (csv_of({"a": A, "y": ["x"] * 4 + ["y"] * 56}), {}, "target", "fewer than 5 rows: 'x'"),
    "five rows": (csv_of({"a": range(5), "y": Y[:5]}), {}, "file", "there are 5 rows"),
    "missing": (with_value(""), {}, "missing", "'a' in 1 rows (first in row 8); fill them in"),
    "nan": (with_value("nan"), {}, "missing", "'a' in 1 rows (first in row 8)"),
    "infinity": (with_value("-inf"), {"missing": "impute"}, "file", "column 'a' is infinite"),
    "more than any number": (with_value("1" * 400), {}, "file", "'a' is infinite (or larger than any number) in row 8"),
    "targets of 300 digits": (
        csv_of({"a": A, "y": (A + 0.5) * 1e200}),
        {"task": "regression"},
        "target",
        "the target 'y' in the part train are too large",
    ),
    "one target in train": (
        csv_of({"a": A, "b": A, "y": np.where(A < N * 0.8, 0.1, A)}),  # its deviation is rounded to 1e-17
        {"task": "regression", "split": {"kind": "time", "column": "a"}},
        "split",
        "the target 'y' is the same in every row of the training part",
    ),
    "a test part of other numbers": (
        csv_of({"a": A, "b": A, "y": [*(A[:-1] + 0.5), 1e300]}),
        {"task": "regression", "split": {"kind": "time", "column": "a"}},
        "target",
        "the target 'y' in the part test are too large, or too far from those in train",
    ),
    "numbers of 300 digits": (with_value("1" * 300), {}, "file", "'a' are too large"),
    "constant": (csv_of({"a": [1] * N, "b": ["x"] * N, "y": Y}), {}, "file", "no column is left to learn from"),
    "everything ignored": (PLAIN, {"ignore": ["a", "b"]}, "file", "no column is left to learn from"),
    "dates to learn from": (csv_of({"a": ["2026-01-01", "2026-02-01"] * 30, "y": Y}), {}, "ignore", "holds dates"),
    "texts without end": (
        csv_of({"a": [f"id{n}" for n in A], "y": Y}),
        {"max_categories": 9},
        "max_categories",
        "36 different texts",
    ),
    "numbers and a word": (
        with_value("unknown"),
        {"max_categories": 9},
        "file",
        "holds numbers, and 'unknown' in row 8",
    ),
    "decimal commas": (
        csv_of({"a": [f"{n},5" for n in A], "y": Y}, delimiter=";"),
        {"max_categories": 9},
        "decimal",
        "comma before their decimals",
    ),
    "decimal commas to predict": (
        csv_of({"a": A, "y": [f"{n},5" for n in A]}, delimiter=";"),
        {},
        "decimal",
        "numbers of the column 'y' have a comma",
    ),
    "groups too few": (
        csv_of({"a": A, "g": A % 2, "y": Y}),
        {"split": {"kind": "group", "column": "g"}},
        "split",
        "0 in test",
    ),
    "class not in train": (
        csv_of({"a": A, "t": A, "y": A // 48}),
        {"split": {"kind": "time", "column": "t"}},
        "split",
        "no row of the training part is of the class '1'",
    ),
    "text as time": (
        csv_of({"a": A, "t": Y, "y": Y}),
        {"split": {"kind": "time", "column": "t"}},
        "split.column",
        "no order in time",
    ),
    "time missing": (with_value(""), {"split": {"kind": "time", "column": "a"}}, "split.column", "the first is row 8"),
    "unknown part": (
        csv_of({"a": A, "t": Y, "y": Y}),
        {"split": {"kind": "column", "column": "t"}},
        "split.column",
        "holds 'cat', 'dog', which names no part",
    ),
    "unknown split column": (PLAIN, {"split": {"kind": "time", "column": "t"}}, "split.column", "no column 't'"),
    "format": (PLAIN, {"format": "parquet"}, "format", "the content is csv, not parquet"),
}


@pytest.mark.parametrize("name", NOT_CSV)
def test_what_is_no_csv_is_refused(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path, case=NOT_CSV[name], target="y")


@pytest.mark.parametrize("name", NOT_A_PROBLEM)
def test_what_is_no_problem_is_refused(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path, case=NOT_A_PROBLEM[name], target="y")


@pytest.mark.parametrize("name", ["a/b", "..", ".", "../x", "a\\b", "", "a b", "x" * 101, "a\n", "-x", "a\x00"])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(ValidationError):
        ImportOptions(name=name)


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_a_delimiter_is_one_letter(delimiter: str) -> None:
    with pytest.raises(ValidationError):
        ImportOptions(name="mine", delimiter=delimiter)
    assert ImportOptions(name="mine", delimiter="tab").delimiter == "\t"
