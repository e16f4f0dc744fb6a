"""A CSV file as a table of Arrow."""

import csv
import io
import re
from pathlib import Path
from typing import Any, TextIO, cast

import pyarrow as pa
import pyarrow.csv

from trainer.importing.csv_header import layout
from trainer.importing.options import ImportOptions
from trainer.importing.refused import Refused, shown
from trainer.importing.request import ImportLimits
from trainer.importing.watched import WatchedFile, opened
from trainer.packed.preprocessing import MISSING

_BLOCK_BYTES = 4 * 2**20
_MOST_BLOCK_BYTES = 32 * 2**20
_BLOCK_BYTES_PER_COLUMN = 4096
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_MOST_CELL_LETTERS = 2**20


class CsvTable:
    """A table of Arrow that was a CSV file; `delimiter` stood between its values."""

    def __init__(self, table: Any, *, delimiter: str) -> None:
        self._table = table
        self.delimiter = delimiter
        self.num_rows: int = table.num_rows

    @property
    def names(self) -> list[str]:
        """May raise UnicodeDecodeError."""
        names: list[str] = self._table.schema.names
        return names

    def type_name(self, position: int) -> str:
        """What Arrow calls the type of a column."""
        return str(self._table.schema.types[position])

    def values(self, position: int) -> Any:
        """A column as a chunked array."""
        return self._table.column(position)


def read_csv(path: Path, *, options: ImportOptions, limits: ImportLimits) -> CsvTable:
    """The table. Refused where the file is not one line of names and then rows as wide as that."""
    delimiter, num_columns = layout(path, options=options, limits=limits)
    max_lines = limits.max_cells // num_columns
    file = WatchedFile(path, max_bytes=limits.max_unpacked_bytes, max_lines=max_lines)
    try:
        table = _read(file, delimiter=delimiter, num_columns=num_columns, options=options)
    except pa.ArrowInvalid as error:
        raise _explained(str(error), path=path, delimiter=delimiter, options=options) from None
    except UnicodeError:
        raise _wrong_encoding("the file", options=options) from None
    finally:
        file.close()
    if file.num_quotes % 2:
        _refuse_open_quote(path, delimiter=delimiter, options=options)
    if file.num_nuls and options.encoding != "utf-16":
        raise Refused("file", message="the file is no text: it holds bytes of zero", mend="upload it as UTF-8 text")
    _check_encoding(table, options=options)
    return CsvTable(table, delimiter=delimiter)


def _read(file: WatchedFile, *, delimiter: str, num_columns: int, options: ImportOptions) -> Any:
    # Every column costs some kB in every block: 10,000 columns in blocks of 4 MiB took 1 GB, in blocks of 16 MiB 0.6.
    block_bytes = min(max(_BLOCK_BYTES, num_columns * _BLOCK_BYTES_PER_COLUMN), _MOST_BLOCK_BYTES)
    return pyarrow.csv.read_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=block_bytes,
            encoding="utf8" if options.encoding == "utf-8" else options.encoding,
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            null_values=list(MISSING), strings_can_be_null=True, decimal_point=options.decimal
        ),
    )


def _explained(reason: str, *, path: Path, delimiter: str, options: ImportOptions) -> Refused:
    """The refusal that says what Arrow's complaint means, with the line in the file."""
    _refuse_open_quote(path, delimiter=delimiter, options=options)
    ragged = _RAGGED.search(reason)
    if ragged:
        row, wanted, found = (int(number) for number in ragged.groups())
        line = _line_of_row(path, row=row, delimiter=delimiter, options=options)
        return Refused(
            "file",
            message=f"line {line} has {found} values and the first line {wanted}, with the delimiter {delimiter!r}",
            mend=f"mend line {line}, or say which delimiter the file has",
        )
    if "straddling" in reason:
        return _too_long("a line")
    return Refused("file", message=f"the file is no CSV: {reason[:200]}", mend="upload CSV, Parquet or NPZ")


def _too_long(line: str) -> Refused:
    return Refused(
        "file",
        message=f"{line} of the file is longer than {_MOST_CELL_LETTERS // 2**20} MiB, or a quote in it never closed",
        mend="upload a line for each example, and close every quote",
    )


def _refuse_open_quote(path: Path, *, delimiter: str, options: ImportOptions) -> None:
    """Refused where a quote is opened and never closed, with the line that it stands in."""
    before = 0
    csv.field_size_limit(_MOST_CELL_LETTERS)
    with _text(path, options=options) as text:
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for _ in rows:
                before = rows.line_num
        except csv.Error as error:
            line = before + 1
            if "field larger" in str(error):
                raise _too_long(f"line {line}") from None
            if "unexpected end" not in str(error):
                return
            raise Refused(
                "file",
                message=f"a quote in line {line} is never closed",
                mend="close it, or write quotes inside a value twice",
            ) from None


def _line_of_row(path: Path, *, row: int, delimiter: str, options: ImportOptions) -> int:
    """The line at which a row ends that is not empty; row 1 are the names."""
    with _text(path, options=options) as text:
        rows = csv.reader(text, delimiter=delimiter)
        for _ in range(row):
            while next(rows, ["at the end"]) == []:
                pass
        return rows.line_num


def _text(path: Path, *, options: ImportOptions) -> TextIO:
    return cast(TextIO, io.TextIOWrapper(opened(path), encoding=options.encoding, errors="replace", newline=""))


def _check_encoding(table: Any, *, options: ImportOptions) -> None:
    try:
        names = table.schema.names
    except UnicodeDecodeError:
        raise _wrong_encoding("the line with the names of the columns", options=options) from None
    for name, kind in zip(names, table.schema.types, strict=True):
        if pa.types.is_binary(kind):
            raise _wrong_encoding(f"the column {shown(name)}", options=options)


def _wrong_encoding(where: str, *, options: ImportOptions) -> Refused:
    return Refused(
        "encoding",
        message=f"{where} holds bytes that are not {options.encoding.upper()}",
        mend="give encoding=latin-1 (or cp1252, utf-16) if that is what it is, or save it as UTF-8",
    )
