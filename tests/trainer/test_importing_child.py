"""The child as a process with its limits: what would take too much memory or time is an answer, and soon."""

import gzip
import io
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.trainer.uploads import csv_of, people, request
from trainer.importing.child import COMMAND, ENVIRONMENT
from trainer.importing.request import ImportAnswer

ROOT = Path(__file__).parents[2]
CPU_SECONDS = 3
"""Of computing, enforced by the limit itself: a clock on the wall would measure what else the machine does."""


def run(request_text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND,
        input=request_text,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def answered(folder: Path, *, content: bytes, limits: dict[str, int], **options: Any) -> ImportAnswer:
    told = json.dumps(request(folder, content=content, options=options, limits=limits))
    done = run(told)
    assert done.returncode == 0, done.stderr
    return ImportAnswer.model_validate_json(done.stdout)


def zip_bomb() -> bytes:
    """An NPZ of 100 kB that holds 100 MB of zeros and says so."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (1_000, 100_000)})
        for _ in range(100):
            file.write(bytes(1_000_000))
    return target.getvalue()


def lying_zip_bomb() -> bytes:
    """The same, declaring that the member holds 100 kB."""
    content = bytearray(zip_bomb())
    size = (1_000 * 100_000 + 128).to_bytes(4, "little")
    while size in content:
        at = content.index(size)
        content[at : at + 4] = (100_000).to_bytes(4, "little")
    return bytes(content)


def gzip_bomb() -> bytes:
    """A CSV of 100 MB in 500 kB."""
    target = io.BytesIO()
    with gzip.open(target, "wb", compresslevel=1) as file:
        file.write(b"a,y\n")
        for _ in range(100):
            file.write(b"1234567,2\n" * 100_000)
    return target.getvalue()


def parquet_bomb() -> bytes:
    """Rows without number, in a few kB."""
    target = io.BytesIO()
    column = pa.array(np.zeros(30_000_000))
    pyarrow.parquet.write_table(pa.table({"a": column, "y": column}), target, compression="zstd")
    return target.getvalue()


def long_texts() -> bytes:
    """Two texts, the one of 5 MB in very many rows."""
    target = io.BytesIO()
    column = pa.DictionaryArray.from_arrays(np.arange(200_000) % 2, ["a" * 5_000_000, "b"])
    pyarrow.parquet.write_table(pa.table({"a": column, "y": np.arange(200_000) % 2}), target, compression="zstd")
    return target.getvalue()


def wide_csv() -> bytes:
    names = [f"column{number}" for number in range(100_000)]
    return b"".join(",".join(row).encode() + b"\n" for row in [names, *[["1.5"] * 100_000] * 20])


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (zip_bomb, "more than 64 MiB when unpacked"),
        (lying_zip_bomb, "declares the shape"),
        (gzip_bomb, "more than 64 MiB when unpacked"),
        (parquet_bomb, "30000000 rows of 2 columns"),
        (long_texts, "texts of more than 500 letters"),
        (wide_csv, "more than 10000 columns"),
    ],
)
def test_what_is_too_large_is_answered(tmp_path: Path, made: Callable[[], bytes], said: str) -> None:
    found = answered(tmp_path, content=made(), limits={"max_unpacked_mb": 64, "cpu_seconds": CPU_SECONDS}, target="y")
    assert found.error is not None
    assert said in found.error.message
    assert [*(tmp_path / "files").iterdir()] == []


def test_memory_is_bounded_by_its_limit(tmp_path: Path) -> None:
    content = b"a,b,y\n" + b"1.25,2.5,0\n3.5,4.75,1\n" * 2_000_000
    told = request(tmp_path, content=content, options={"target": "y"}, limits={"memory_mb": 512})
    done = run(json.dumps(told))
    # Where the library gives up rather than say so, the caller sees a signal.
    assert done.returncode == -signal.SIGABRT or "more than 512 MiB of memory" in done.stdout
    assert [*(tmp_path / "files").glob("*.safetensors")] == []


def test_seconds_are_bounded_by_a_signal(tmp_path: Path) -> None:
    content = b"a,b,y\n" + b"1.25,2.5,0\n3.5,4.75,1\n" * 1_500_000
    told = request(tmp_path, content=content, options={"target": "y"}, limits={"cpu_seconds": 1})
    done = run(json.dumps(told))
    assert done.returncode == -signal.SIGXCPU
    assert done.stdout == ""


def test_a_data_set_comes_out_of_the_process(tmp_path: Path) -> None:
    found = answered(tmp_path, content=csv_of(people()), limits={}, target="species")
    assert found.file is not None
    assert found.report is not None
    path = tmp_path / "files" / f"{found.file.sha256}.safetensors"
    assert path.stat().st_size == found.file.num_bytes
    assert [*(tmp_path / "files").iterdir()] == [path]


def test_what_is_no_request_ends_with_code_2() -> None:
    done = run("{}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "path" in done.stderr


def test_the_child_loads_no_torch_and_its_caller_no_pyarrow() -> None:
    for module, strangers in (
        ("trainer.importing.__main__", ("torch", "pandas")),
        ("trainer.importing.child", ("torch", "pyarrow", "numpy")),
        ("trainer.importing.options", ("torch", "pyarrow", "numpy")),
        ("trainer.importing.request", ("torch", "pyarrow", "numpy")),
    ):
        code = f"import sys, {module}; print(*(name for name in {strangers!r} if name in sys.modules))"
        done = subprocess.run([COMMAND[0], "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "", module
