"""Which of several media types a client likes best: the header Accept (RFC 9110, 12.5.1)."""

from collections.abc import Iterator, Sequence


def liked(accept: str, *, offered: Sequence[str]) -> str | None:
    """The offered type with the highest weight, the first of equals; None when the client takes none of them.

    A client that says nothing takes everything.
    """
    ranges = list(_ranges(accept)) or [("*/*", 1.0)]
    weights = {each: _weight(each, ranges) for each in offered}
    best = max(offered, key=lambda each: weights[each])
    return best if weights[best] > 0 else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        weights = [word.removeprefix("q=") for word in parameters if word.startswith("q=")]
        if name:
            yield name, _number(weights[0]) if weights else 1.0


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most exact range that covers a type; 0 where none does."""
    for name in (media_type, media_type.split("/")[0] + "/*", "*/*"):
        for covered, weight in ranges:
            if covered == name:
                return weight
    return 0.0


def _number(word: str) -> float:
    try:
        return min(1.0, max(0.0, float(word)))
    except ValueError:
        return 0.0
