"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], *, rows: Iterable[Sequence[object]]) -> str:
    """A head, a line, and the rows."""
    lines = [tuple(head), ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
