"""The rows that a user wants predicted, read from the body of a request. Pure."""

import csv
import io
import math
from collections.abc import Iterable
from typing import Any, TypeAlias

from service.errors import InvalidRequest
from sweeps.wrong import FieldError

Row: TypeAlias = dict[str, Any] | list[Any]

MAX_ROWS = 10_000
MAX_DEPTH = 4  # a row of an image: channels, height, width
EXAMPLE = 'send {"rows": [{"<column>": <value>, ...}, ...]}, or lists of numbers as rows'


def rows_of_json(raw: object) -> list[Row]:
    """The rows in a JSON body. Raises InvalidRequest."""
    if not isinstance(raw, dict) or not isinstance(raw.get("rows"), list):
        raise _wrong("rows", "are missing", mend=EXAMPLE)
    if strange := sorted(map(str, raw.keys() - {"rows"})):
        raise _wrong(strange[0][:100], "is not known here", mend=EXAMPLE)
    _check_count(len(raw["rows"]))
    for number, row in enumerate(raw["rows"], start=1):
        if not isinstance(row, dict | list):
            raise _wrong(f"row {number}", "is neither an object nor a list", mend=EXAMPLE)
        cells = row.items() if isinstance(row, dict) else enumerate(row, start=1)
        for name, cell in cells:
            if not _can_be_read(name, depth=0) or not _can_be_read(
                cell, depth=0 if isinstance(row, dict) else MAX_DEPTH - 1
            ):
                place = f"row {number}, column {str(name)[:100].encode(errors='replace').decode()!r}"
                raise _wrong(place, "is no finite number, text, true, false or null", mend="send one of these")
    rows: list[Row] = raw["rows"]
    return rows


def rows_of_csv(body: bytes) -> list[Row]:
    """The lines of a CSV (UTF-8, commas) under its header, every cell as its text. Raises InvalidRequest."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _wrong(
            "body", f"is no CSV in UTF-8 ({error})", mend="save it as UTF-8 with commas and a header"
        ) from error
    first, *rest = lines or [[]]
    header = [name.strip() for name in first]
    if len(header) == 1 and (other := next((each for each in ";\t|" if each in header[0]), None)):
        raise _wrong("header", f"is one column with {other!r} in it", mend="separate the columns with commas")
    if len(set(header)) < len(header) or not header:
        raise _wrong(
            "header", "is missing or names a column twice", mend="give each column one name, in the first line"
        )
    rows = [line for line in rest if line]
    _check_count(len(rows))
    for number, line in enumerate(rows, start=1):
        if len(line) != len(header):
            fault = f"has {len(line)} cells and the header {len(header)}"
            raise _wrong(f"row {number}", fault, mend="give every row as many cells; quote cells with commas in them")
    return [dict(zip(header, line, strict=True)) for line in rows]


def wrong_rows(text: str) -> InvalidRequest:
    """The error that answers what a worker said of the rows: `place: what is wrong; mend`."""
    place, _, rest = text.partition(": ")
    what, _, mend = rest.partition("; ")
    return _wrong(place, what, mend=mend or "send rows like those of the data")


def _check_count(num_rows: int) -> None:
    if not 1 <= num_rows <= MAX_ROWS:
        raise _wrong("rows", f"are {num_rows}", mend=f"send 1 to {MAX_ROWS} at a time")


def _can_be_read(cell: object, *, depth: int) -> bool:
    if isinstance(cell, list):
        return depth > 0 and _all_can_be_read(cell, depth=depth - 1)
    if isinstance(cell, str):
        return cell.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in cell)
    if isinstance(cell, float):
        return math.isfinite(cell)
    # Whole numbers without end are for nobody; a boolean is one too.
    return cell is None or (isinstance(cell, int) and abs(cell) < 10**300)


def _all_can_be_read(cells: Iterable[object], *, depth: int) -> bool:
    return all(_can_be_read(cell, depth=depth) for cell in cells)


def _wrong(field: str, message: str, *, mend: str) -> InvalidRequest:
    fault = FieldError(field, message, mend)
    return InvalidRequest(str(fault), errors=(fault,))
