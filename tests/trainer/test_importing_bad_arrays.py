import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.trainer.uploads import Case, check_refused, npz_of, parquet_of, people

N = 60
Y = np.resize(["cat", "dog"], N)
X = np.random.RandomState(0).rand(N, 3)


def header(shape: str, *, descr: str = "'<f8'", size: int = 8) -> bytes:
    """An NPZ whose array x declares this shape and holds `size` bytes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (117 - len(text)) + "\n"
    return zipped({"x.npy": b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(size)})


def zipped(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


PARQUET = parquet_of(people(5000))
NOT_PARQUET: dict[str, Case] = {
    "cut off": (PARQUET[:-300], {}, "file", "damaged or ends early"),
    "damaged": (PARQUET[:9_000] + bytes(9_000) + PARQUET[18_000:], {}, "file", "damaged"),
    "bytes that are said to be text": (
        parquet_of({"a": pa.array([b"\xff", b"a"] * 30).view(pa.string()), "species": Y}),
        {},
        "file",
        "bytes that are no text",
    ),
    "magic alone": (b"PAR1", {}, "file", "damaged or ends early"),
    "lists": (parquet_of({"a": [[1, 2]] * N, "species": Y}), {}, "file", "list<element: int64>, which no model reads"),
    "bytes": (parquet_of({"a": [b"1"] * N, "species": Y}), {}, "file", "binary, which no model reads"),
    "no rows": (parquet_of({"a": [], "species": []}), {}, "file", "no rows"),
    "a byte of zero": (parquet_of({"a": ["x\x00", "y"] * 30, "species": Y}), {}, "file", "bytes that are no text"),
}
NPZ = npz_of(x=X, y=Y)
NOT_NPZ: dict[str, Case] = {
    "cut off": (NPZ[:-200], {}, "file", "NPZ file is damaged or ends early"),
    "damaged": (NPZ[:300] + bytes(50) + NPZ[350:], {}, "file", "NPZ file is damaged"),
    "pickled": (
        npz_of(x=np.array([{"a": 1}, None], dtype=object), y=Y),
        {},
        "file",
        "pickled Python objects, which are never",
    ),
    "huge shape": (header("(1000000000000, 1000000000000)"), {}, "file", "declares the shape (1000000000000"),
    "shape that overflows": (header("(4294967296, 4294967296, 4294967296)"), {}, "file", "declares the shape"),
    "shape below zero": (header("(-1, 8)"), {}, "file", "shape below zero"),
    "shape that is a program": (header("__import__('os').getcwd()"), {}, "file", "NPZ file is damaged"),
    "records": (header("(1,)", descr="[('a', '<f8')]"), {}, "file", "which no model reads"),
    "complex numbers": (npz_of(x=X * 1j, y=Y), {}, "file", "complex128, which no model reads"),
    "no y": (npz_of(x=X), {}, "target", "no array 'y'; there are 'x'"),
    "no x": (npz_of(a=X, y=Y), {}, "file", "no array 'x'"),
    "too short": (npz_of(x=X, y=Y[1:]), {}, "target", "has the shape (59,), and x has 60 rows"),
    "one-hot": (npz_of(x=X, y=np.eye(60)), {}, "target", "not one-hot"),
    "flat": (npz_of(x=X[:, 0], y=Y), {}, "file", "has the shape (60,)"),
    "grey": (npz_of(x=np.zeros((N, 8, 8)), y=Y), {}, "file", "grey images: x[:, None]"),
    "one number alone": (npz_of(x=np.float64(3), y=np.float64(3)), {}, "target", "has the shape ()"),
    "nan": (npz_of(x=np.where(X > 0.99, np.nan, X), y=Y), {}, "missing", "NaN or infinity in row"),
    "infinity": (npz_of(x=np.where(X > 0.99, np.inf, X), y=Y), {}, "file", "NaN or infinity in row"),
    "constant": (npz_of(x=X * 0 + 0.1, y=Y), {}, "file", "the same in every row"),
    "too large": (npz_of(x=X * 1e308, y=Y), {}, "file", "too large to be standardised"),
    "texts": (npz_of(x=np.array([["a", "b"]] * N), y=Y), {}, "file", "x holds <U1"),
    "bytes that are no text": (npz_of(x=X, y=np.array([b"\xff", b"a"] * 30)), {}, "file", "bytes that are no text"),
    "numbers that are no letters": (npz_of(x=X, y=np.full(N, 2**31 - 1, "i4").view("<U1")), {}, "file", "no text"),
    "half a letter": (npz_of(x=X, y=np.full(N, 0xD800, "i4").view("<U1")), {}, "file", "bytes that are no text"),
    "unknown array": (npz_of(x=X, y=Y, z=X), {}, "ignore", "nothing is known of the array 'z'"),
    "parts of other shapes": (
        npz_of(
            **{f"x_{p}": X[:, :w] for p, w in (("train", 3), ("val", 2), ("test", 3))},
            **{f"y_{p}": Y for p in ("train", "val", "test")},
        ),
        {},
        "file",
        "different shapes",
    ),
    "parts without validation": (
        npz_of(x_train=X, y_train=Y, x_test=X, y_test=Y),
        {},
        "file",
        "no array 'x_validation'",
    ),
    "zip of texts": (zipped({"readme.txt": b"hello"}), {}, "file", "'readme.txt', which are no arrays"),
    "spreadsheet": (zipped({"xl/workbook.xml": b"<x/>"}), {}, "file", "spreadsheet"),
    "too many arrays": (zipped({f"{n}.npy": b"" for n in range(30)}), {}, "file", "holds 30 arrays"),
    "nothing in it": (zipped({}), {}, "file", "no array 'x'"),
}


@pytest.mark.parametrize("name", NOT_PARQUET)
def test_what_is_no_parquet_is_refused(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path, case=NOT_PARQUET[name], target="species")


@pytest.mark.parametrize("name", NOT_NPZ)
def test_what_is_no_npz_is_refused(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path, case=NOT_NPZ[name], target=None)
