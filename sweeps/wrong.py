"""What is wrong with a sweep that somebody asked for: the field, the fault and the mend."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

CUSTOM_ERROR = "ravine"


@dataclass(frozen=True)
class FieldError:
    """One fault. `field` is its path in the body (`space.momentum.high`, `first[0].momentum`), empty for the whole."""

    field: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.field or 'the sweep'}: {self.message}; {self.mend}"


class InvalidSpec(ValueError):
    """A sweep cannot be as it was asked for; `errors` names every fault found."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, self.errors)))


def wrong(message: str, *, mend: str, at: str = "") -> PydanticCustomError:
    """An error for a pydantic validator to raise, with its mend; `at` is the place below what is validated."""
    return PydanticCustomError(CUSTOM_ERROR, "{message}", {"message": message, "mend": mend, "at": at})


def one_of(word: object, *, known: Iterable[str]) -> str:
    """A mend: the known word closest to `word`, or all of them."""
    names = sorted(known)
    closest = difflib.get_close_matches(str(word)[:100], names, n=1)
    listed = ", ".join(names)
    return f"did you mean {closest[0]}? known: {listed}" if closest else f"use one of {listed}"
