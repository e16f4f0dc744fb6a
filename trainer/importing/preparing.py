"""The verb: from the file of an upload to a prepared one."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.importing.csv_table import read_csv
from trainer.importing.dataset import Dataset
from trainer.importing.describing import facts_of, preprocessing_of, report_of
from trainer.importing.from_arrays import of_arrays
from trainer.importing.from_table import of_table
from trainer.importing.npz_arrays import read_npz
from trainer.importing.options import UploadFormat
from trainer.importing.parquet_table import ParquetTable
from trainer.importing.refused import Refused, shown
from trainer.importing.request import ImportAnswer, ImportRequest
from trainer.importing.storing import stored
from trainer.importing.table import Table
from trainer.packed.preprocessing import standardised
from trainer.prepared import PARTS, AboutData

_PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK"


def prepare(request: ImportRequest) -> ImportAnswer:
    """Reads, checks, splits, encodes and stores an upload. Raises Refused, MemoryError, or OSError (a full disk)."""
    dataset = read(request)
    about = AboutData(
        facts=facts_of(dataset),
        preprocessing=preprocessing_of(dataset),
        report=report_of(dataset, options=request.options),
    )
    file = stored(_tensors(dataset, target=about.preprocessing["target"]), about=about, folder=Path(request.folder))
    facts = about.facts.model_copy(update={"name": request.options.name, "digest": file.sha256})
    return ImportAnswer(file=file, facts=facts, report=about.report)


def read(request: ImportRequest) -> Dataset:
    """The upload as a data set; its format is what its first bytes say. Raises Refused."""
    path, options, limits = Path(request.path), request.options, request.limits
    file_format = _format(path, told=options.format)
    if file_format == "npz":
        return of_arrays(read_npz(path, limits=limits), options=options, limits=limits)
    if file_format == "parquet":
        table = Table(ParquetTable(path, limits=limits))
        return of_table(table, options=options, limits=limits, reading={"format": "parquet"})
    file = read_csv(path, options=options, limits=limits)
    reading = {"format": "csv", "delimiter": file.delimiter, "decimal": options.decimal, "encoding": options.encoding}
    return of_table(Table(file), options=options, limits=limits, reading=reading)


def _format(path: Path, *, told: UploadFormat | None) -> UploadFormat:
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise Refused("file", message="the file is empty", mend="upload CSV, Parquet or NPZ")
    found: UploadFormat = "csv"
    if head == _PARQUET_MAGIC:
        found = "parquet"
    elif head[:2] == _ZIP_MAGIC:
        found = "npz"
        _refuse_office(path)
    if told is not None and told != found:
        raise Refused(
            "format", message=f"the content is {found}, not {told}", mend=f"leave format out, or give {found}"
        )
    return found


def _refuse_office(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return
    if any(name.startswith(("xl/", "content.xml")) for name in names):
        raise Refused("file", message="the file is a spreadsheet", mend="save it as CSV, and upload that")


def _too_large(target: str, *, part: str) -> Refused:
    return Refused(
        "target",
        message=f"the numbers of the target {shown(target)} in the part {part} are too large, or too far from those in "
        "train, to be standardised",
        mend="write them in another unit, look for a wrong one, or split otherwise",
    )


def _tensors(dataset: Dataset, *, target: dict[str, Any]) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    for part in PARTS:
        y = dataset.target.y[dataset.rows[part]]
        if not dataset.target.classes:
            y = standardised(y, mean=target["mean"], scale=target["scale"])[:, None]
            if not (np.isfinite(target["scale"]) and np.isfinite(y).all()):
                raise _too_large(dataset.target.name, part=part)
        tensors[f"{part}_x"], tensors[f"{part}_y"] = dataset.x[part], y
    return tensors
