"""What all figures share: Plotly's JSON form as plain values, one look, and sentences where there is nothing to draw.

A figure is data for plotly.js. It is written as dicts and lists: drawing so costs the process that serves nothing to
import (docs/decisions/0020).
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

Figure: TypeAlias = dict[str, Any]
"""`data` and `layout` as plotly.js takes them: JSON-able, no NaN."""

BLUE, GREY, RED, GOLD, DARK = "#2468a8", "#a0a8b0", "#cc3d3d", "#e8a200", "#2a3038"
GRID = "#e6e9ed"
BEST_TO_WORST: Final = [[0, "#0d3f73"], [0.25, "#2f7ebc"], [0.5, "#84bcdb"], [0.8, "#d3e3f3"], [1, "#f1ead9"]]
TOP_PIXELS, BOTTOM_PIXELS = 95, 60
MOST_LETTERS = 60


def figure(title: str, *, data: Sequence[dict[str, Any]], layout: dict[str, Any], notes: Sequence[str] = ()) -> Figure:
    """A figure in the common look; the notes are sentences under the title."""
    heading = {"text": plain(title), "x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container"}
    place = {"yanchor": "top", "pad": {"t": 14}, "font": {"size": 17}}
    subtitle = {"subtitle": {"text": " ".join(map(plain, notes)), "font": {"size": 12}}} if notes else {}
    common = {
        "title": heading | place | subtitle,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": DARK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 70, "r": 30, "t": TOP_PIXELS, "b": BOTTOM_PIXELS},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "tracegroupgap": 0},
    }
    return {"data": list(data), "layout": common | layout}


def empty_figure(title: str, *, sentence: str) -> Figure:
    """A figure that says why there is nothing in it."""
    note = {"text": plain(sentence), "showarrow": False, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    hidden = {"visible": False}
    layout = {"annotations": [note | {"font": {"size": 16}}], "xaxis": hidden, "yaxis": hidden}
    return figure(title, data=[], layout=layout)


def axis(title: str, **values: Any) -> dict[str, Any]:
    """An axis in the common look."""
    look = {"gridcolor": GRID, "zeroline": False, "linecolor": GREY, "ticks": "outside", "tickcolor": GREY}
    return {"title": {"text": plain(title), "standoff": 8}, **look, "automargin": True, **values}


def plain(text: str) -> str:
    """A text that Plotly shows letter by letter: what looks like its markup is none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(value: object) -> str:
    """A setting as a label: plain and not too long."""
    words = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return plain(words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…")
