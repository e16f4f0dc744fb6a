"""A Parquet file, one column in memory at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from trainer.importing.csv_header import FEWER_COLUMNS
from trainer.importing.refused import Refused
from trainer.importing.request import ImportLimits


class ParquetTable:
    """The columns of a file, each read when it is asked for: all at once would take several times their size."""

    def __init__(self, path: Path, *, limits: ImportLimits) -> None:
        with _damage_refused():
            with pyarrow.parquet.ParquetFile(path) as file:
                _check_declared(file.metadata, limits=limits)
                self._schema = file.schema_arrow
            # Texts stay positions in a dictionary, and take no more room than in the file.
            texts = [field.name for field in self._schema if pa.types.is_string(field.type)]
            self._file = pyarrow.parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False)
            self.names: list[str] = self._schema.names
            self.num_rows: int = self._file.metadata.num_rows

    def type_name(self, position: int) -> str:
        """What Arrow calls the type of a column."""
        return str(self._schema.types[position])

    def values(self, position: int) -> Any:
        """A column as a chunked array. Refused where the file is damaged."""
        with _damage_refused():
            values = self._file.read(columns=[self.names[position]], use_threads=False).column(0)
            if len(values) != self.num_rows:
                raise ValueError(f"{len(values)} of {self.num_rows} rows")
            return values


def _check_declared(about: Any, *, limits: ImportLimits) -> None:
    """What unpacks to more than it declares meets the limit of memory."""
    if about.num_columns > limits.max_columns:
        message = f"the file has {about.num_columns} columns, more than {limits.max_columns}"
        raise Refused("file", message=message, mend=FEWER_COLUMNS)
    if about.num_rows * about.num_columns > limits.max_cells:
        raise Refused(
            "file",
            message=f"the file has {about.num_rows} rows of {about.num_columns} columns, more than "
            f"{limits.max_cells} values",
            mend="upload fewer rows or columns",
        )
    if sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups)) > limits.max_unpacked_bytes:
        raise Refused(
            "file",
            message=f"the file holds more than {limits.max_unpacked_mb} MiB when unpacked",
            mend="upload fewer rows or columns",
        )


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise Refused(
            "file",
            message=f"the Parquet file is damaged or ends early ({reason})",
            mend="write and upload it again",
        ) from None
