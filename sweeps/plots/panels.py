"""Several pictures in one figure, in rows and columns."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Panels:
    """A grid of pictures. A picture has an index from 0, which names its axes, and a place in the grid.

    The gaps between columns and rows are shares of a picture's width and height.
    """

    rows: int
    columns: int
    gap: float = 0.08
    row_gap: float = 0.26

    def axes(self, index: int, *, place: tuple[int, int], x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
        """The part of the layout with the two axes of a picture at (row from the top, column), both from 0."""
        row, column = place
        suffix = "" if index == 0 else str(index + 1)
        return {
            f"xaxis{suffix}": x | {"anchor": f"y{suffix}", "domain": _share(column, of=self.columns, gap=self.gap)},
            f"yaxis{suffix}": y
            | {
                "anchor": f"x{suffix}",
                "domain": _share(self.rows - 1 - row, of=self.rows, gap=self.row_gap),
            },
        }


def on(index: int) -> dict[str, str]:
    """The part of a trace that says in which picture it is."""
    suffix = "" if index == 0 else str(index + 1)
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def _share(place: int, *, of: int, gap: float) -> list[float]:
    """The part from 0 to 1 of one of several equal stretches; `gap` is the distance between two as a share of one."""
    width = 1 / (of + (of - 1) * gap)
    start = place * width * (1 + gap)
    return [round(start, 5), round(min(1.0, start + width), 5)]
