"""Uploads made up for tests, and what becomes of them."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from trainer.config import FILE_TEXT
from trainer.importing.__main__ import answer
from trainer.importing.request import ImportAnswer, ImportRequest
from trainer.prepared import AboutData

Case: TypeAlias = tuple[bytes, dict[str, Any], str, str]
"""An upload, its options, the field that is refused and a part of the message."""


def request(
    folder: Path, *, content: bytes, options: Mapping[str, Any], limits: Mapping[str, int] | None = None
) -> Any:
    """The request to import these bytes into `folder`/files, as JSON."""
    upload, files = folder / "upload", folder / "files"
    upload.write_bytes(content)
    files.mkdir(exist_ok=True)
    told = {"name": "mine", **options}
    return {"path": str(upload), "folder": str(files), "options": told, "limits": dict(limits or {})}


def imported(folder: Path, *, content: bytes, **options: Any) -> ImportAnswer:
    """What the child answers, asked in this process."""
    return answer(ImportRequest.model_validate(request(folder, content=content, options=options)))


def opened(folder: Path, *, answered: ImportAnswer) -> tuple[AboutData, dict[str, NDArray[Any]]]:
    """The prepared file."""
    assert answered.error is None, answered.error
    assert answered.file is not None
    path = folder / "files" / f"{answered.file.sha256}.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        about = AboutData.model_validate(json.loads(file.metadata()[FILE_TEXT]))
    return about, safetensors.numpy.load_file(path)


def csv_of(columns: Mapping[str, Any], *, delimiter: str = ",") -> bytes:
    """A CSV file of these columns."""
    rows = zip(*columns.values(), strict=True)
    return "".join(f"{delimiter.join(map(str, row))}\n" for row in [tuple(columns), *rows]).encode()


def parquet_of(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file of these columns."""
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(dict(columns)), target)
    return target.getvalue()


def npz_of(**arrays: Any) -> bytes:
    """An NPZ file of these arrays, compressed."""
    target = io.BytesIO()
    np.savez_compressed(target, **arrays)
    return target.getvalue()


def people(num_rows: int = 60) -> dict[str, Any]:
    """A table with numbers, texts, truth values and two classes that are equally frequent."""
    random = np.random.RandomState(7)
    return {
        "age": random.randint(18, 90, num_rows),
        "height": random.normal(1.7, 0.1, num_rows).round(3),
        "colour": random.choice(["red", "green", "blue"], num_rows),
        "member": random.choice(["true", "False"], num_rows),
        "species": np.resize(["cat", "dog"], num_rows),
    }


def check_refused(folder: Path, *, case: Case, target: str | None) -> None:
    """An upload with options is refused for a field with a message, and nothing is left of it."""
    content, options, field, message = case
    told = {"target": target, **options}
    found = imported(folder, content=content, **told)
    assert found.error is not None
    said = f"{found.error.message}; {found.error.mend}"
    assert message in said
    assert found.error.field == field
    assert found.error.mend
    assert len(said) < 500
    assert [*(folder / "files").iterdir()] == []


def columns(report: Any, *, field: str) -> dict[str, Any]:
    """One field of the report's columns, by name."""
    return {column["name"]: column[field] for column in report["columns"]}
