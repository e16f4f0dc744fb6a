"""What the API answers about plots."""

from typing import Any

from service.schemas import Answer


class PlotAnswer(Answer):
    """A kind of plot; at `url` it comes as Plotly's JSON, or as a page where HTML is accepted."""

    kind: str
    about: str
    url: str


class PlotFigure(Answer):
    """A figure as plotly.js takes it."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]
