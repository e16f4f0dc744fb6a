"""The first lines of a CSV file: its delimiter and its names."""

import csv
from pathlib import Path

from trainer.importing.options import ImportOptions
from trainer.importing.refused import Refused, shown
from trainer.importing.request import ImportLimits
from trainer.importing.watched import WatchedFile

DELIMITERS = (",", ";", "\t", "|")
FEWER_COLUMNS = "upload fewer columns; images go into an NPZ file"
_SAMPLE_BYTES = 2**20
_SAMPLE_LINES = 20


def layout(path: Path, *, options: ImportOptions, limits: ImportLimits) -> tuple[str, int]:
    """The delimiter, as told or guessed, and the number of columns. Refused where the first line holds no names."""
    lines = _first_lines(path, options=options, limits=limits)
    delimiter = options.delimiter or guessed(lines)
    names = _cells(lines[:1], delimiter=delimiter)[0]
    if len(names) > limits.max_columns:
        raise Refused(
            "file",
            message=f"the file has {len(names)} columns, more than {limits.max_columns}",
            mend=FEWER_COLUMNS,
        )
    if len(names) == 1:
        told = "is one column with" if options.delimiter else "seems to be one column without"
        raise Refused(
            "delimiter",
            message=f"the file {told} the delimiter {delimiter!r}: its first line is {shown(lines[0])}",
            mend="say which delimiter it has, or add the other columns",
        )
    if all(_is_number(name) for name in names):
        raise Refused(
            "file",
            message=f"the first line holds numbers ({shown(lines[0])}), not the names of the columns",
            mend="put a line with the names of the columns first",
        )
    return delimiter, len(names)


def guessed(lines: list[str]) -> str:
    """The delimiter with which all lines have the same number of values, the most values first; else a comma."""

    def merit(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in _cells(lines, delimiter=delimiter)]
        return (len(set(widths)) == 1 and widths[0] > 1, widths[0])

    return max(DELIMITERS, key=merit)


def _first_lines(path: Path, *, options: ImportOptions, limits: ImportLimits) -> list[str]:
    """Up to twenty whole lines that are not empty, without a BOM."""
    with WatchedFile(path, max_bytes=_SAMPLE_BYTES, max_lines=_SAMPLE_BYTES) as file:
        sample = file.read(_SAMPLE_BYTES)
        num_nuls = file.num_nuls
    if num_nuls and options.encoding != "utf-16":
        raise Refused("file", message="the file is no text: it holds bytes of zero", mend=_mend_binary(sample))
    encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
    lines = [line for line in sample.decode(encoding, errors="replace").splitlines() if line.strip()]
    if not lines:
        raise Refused("file", message="the file is empty", mend="upload a line of names and a line for each example")
    if len(lines) == 1 and len(sample) == _SAMPLE_BYTES:
        raise _first_line_too_long(lines[0], limits=limits)
    if len(lines) == 1:
        raise Refused("file", message="the file has one line", mend="upload a line of names, then the examples' lines")
    whole = lines if len(sample) < _SAMPLE_BYTES else lines[: max(1, len(lines) - 1)]
    return whole[:_SAMPLE_LINES]


def _first_line_too_long(line: str, *, limits: ImportLimits) -> Refused:
    most = max(line.count(delimiter) for delimiter in DELIMITERS)
    if most < limits.max_columns:
        mend = "upload a line for each example"
        return Refused("file", message="the first line of the file has more than 1 MiB", mend=mend)
    return Refused("file", message=f"the file has more than {limits.max_columns} columns", mend=FEWER_COLUMNS)


def _mend_binary(sample: bytes) -> str:
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "give encoding=utf-16, or save it as UTF-8"
    return "upload CSV, Parquet or NPZ"


def _cells(lines: list[str], *, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True)) or [[]]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
