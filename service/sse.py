"""Server-Sent Events as a client reads them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class StreamEvent:
    """One message of a stream: its id, for taking the stream up again behind it, and its data."""

    id: str | None
    data: str


def parse(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """The messages in the lines of a stream (WHATWG HTML, 9.2.6); comments and messages without data are left out."""
    last_id: str | None = None
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield StreamEvent(id=last_id, data="\n".join(data))
            data = []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            last_id = value
        elif field == "data":
            data.append(value)
