"""The columns of an upload by their names, whatever the format."""

from collections import Counter
from typing import Any, Protocol

from trainer.importing.columns import Column, of_arrow
from trainer.importing.refused import Refused, listed, shown

MOST_NAME_LETTERS = 500


class TableFile(Protocol):
    """A table as a format gives it: columns by position, their names as they are written."""

    @property
    def names(self) -> list[str]:
        """May raise UnicodeDecodeError."""
        ...

    @property
    def num_rows(self) -> int:
        """Without the names."""
        ...

    def type_name(self, position: int) -> str:
        """What Arrow calls the type of a column."""
        ...

    def values(self, position: int) -> Any:
        """A column as a chunked array of Arrow."""
        ...


class Table:
    """The columns that have a name, in their order. Refused where two have the same."""

    def __init__(self, file: TableFile) -> None:
        self._file = file
        names = [name.strip() for name in _checked_names(file)]
        self._positions = {name: position for position, name in enumerate(names) if name}
        self.names = [*self._positions]
        self.num_rows = file.num_rows
        self.num_nameless = names.count("")
        twice = [name for name, number in Counter(names).items() if name and number > 1]
        if twice:
            raise Refused("file", message=f"several columns are called {listed(twice)}", mend="give each its own name")

    def type_name(self, name: str) -> str:
        """What Arrow calls the type of a column."""
        return self._file.type_name(self._positions[name])[:60]

    def column(self, name: str) -> Column:
        """Refused where its type is none that is known."""
        return of_arrow(self._file.values(self._positions[name]), name=name)


def _checked_names(file: TableFile) -> list[str]:
    try:
        names = file.names
    except UnicodeDecodeError:
        raise Refused(
            "encoding",
            message="the names of the columns hold bytes that are not UTF-8",
            mend="give encoding=latin-1 (or cp1252, utf-16) if that is what it is, or save it as UTF-8",
        ) from None
    strange = [name for name in names if len(name) > MOST_NAME_LETTERS or "\x00" in name]
    if strange:
        raise Refused(
            "file",
            message=f"a column is called {shown(strange[0])}: over {MOST_NAME_LETTERS} letters, or with zeros in it",
            mend="put a line with the names of the columns first",
        )
    return names
