"""Texts that are numbers, perhaps as they are written elsewhere."""

from collections.abc import Sequence

from trainer.importing.columns import Column
from trainer.importing.refused import Refused, shown

_ALMOST_ALL = 0.9


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether almost all of the texts are numbers."""
    return sum(map(is_number, texts)) >= _ALMOST_ALL * len(texts)


def is_number(text: str) -> bool:
    """Whether a text is a number with a point before its decimals."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def decimal_comma(column: Column) -> Refused | None:
    """What to say where the texts of a column are numbers as soon as a comma is taken for the point; else None."""
    if are_numbers(column.texts) or not are_numbers([_with_point(text) for text in column.texts]):
        return None
    return Refused(
        "decimal",
        message=f"the numbers of the column {shown(column.name)} have a comma before their decimals",
        mend='give decimal=","',
    )


def _with_point(text: str) -> str:
    return text.replace(".", "").replace(",", ".")
