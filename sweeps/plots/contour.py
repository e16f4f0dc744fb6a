"""Contour: the value over pairs of the most important parameters, as a smooth map with the trials on it."""

from itertools import combinations
from typing import Any

import numpy as np

from sweeps.insights.outcomes import Judged, Outcome
from sweeps.plots.figure import (
    BEST_TO_WORST,
    BOTTOM_PIXELS,
    DARK,
    TOP_PIXELS,
    Figure,
    empty_figure,
    figure,
    plain,
)
from sweeps.plots.material import Material
from sweeps.plots.panels import Panels, on
from sweeps.plots.parameter_axis import ParameterAxis
from sweeps.plots.points import briefly, drawn, star, thinned_note
from sweeps.plots.surface import bandwidth, surface
from sweeps.plots.value_axis import ValueAxis, value_axis
from sweeps.space.parameters import Choices

MOST_PARAMETERS = 4
FEWEST_POINTS = 4
GRID_POINTS = 40
PANEL_PIXELS = 250
SURFACE_NOTE = "Colours are means of neighbouring trials; the star is the best one."


def draw_contour(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: {material.metric.name} over pairs of settings"
    points, parameters = drawn(material), material.leading(MOST_PARAMETERS)
    if not points:
        return empty_figure(title, sentence="No trial has a value yet.")
    if len(parameters) < 2:
        return empty_figure(title, sentence="Fewer than two settings are searched, so there is no pair to draw.")
    shown = value_axis([value for _, value in points], maximize=material.maximize)
    axes = [ParameterAxis(name, parameter) for name, parameter in parameters.items()]
    panels = Panels(rows=len(axes) - 1, columns=len(axes) - 1, row_gap=0.08)
    height = max(460, PANEL_PIXELS * panels.rows + TOP_PIXELS + BOTTOM_PIXELS)
    layout: dict[str, Any] = {"height": height}
    data: list[dict[str, Any]] = []
    colours = _colours(material, points, shown=shown)
    for index, (column, row) in enumerate(combinations(range(len(axes)), 2)):
        x, y = axes[column], axes[row]
        both = [one for one in points if x.name in one[0].settings and y.name in one[0].settings]
        maps = [trace | colours | {"showscale": index == 0} for trace in _map(both, x=x, y=y, shown=shown)]
        data += [trace | on(index) for trace in (*maps, *_dots(material, both, x=x, y=y))]
        lowest, leftmost = row == panels.rows, column == 0
        layout |= panels.axes(index, place=(row - 1, column), x=x.layout(named=lowest), y=y.layout(named=leftmost))
    notes = [
        *_left_out_note(material),
        *thinned_note(material),
        SURFACE_NOTE,
    ]
    return figure(title, data=data, layout=layout, notes=notes)


def _left_out_note(material: Material) -> list[str]:
    count = len(material.parameters())
    if count <= MOST_PARAMETERS:
        return []
    if not material.shares:
        return [f"{MOST_PARAMETERS} of {count} settings: too few trials to tell which matter most."]
    return [f"The {MOST_PARAMETERS} most important of {count} settings."]


def _dots(material: Material, points: list[Judged], *, x: ParameterAxis, y: ParameterAxis) -> list[dict[str, Any]]:
    def place(outcome: Outcome) -> tuple[float, float]:
        # Jittered apart from each other: two choices would else lie on a diagonal.
        across = x.spread(outcome.settings[x.name], number=outcome.number)
        return across, y.spread(outcome.settings[y.name], number=7 * outcome.number + 3)

    places = [place(outcome) for outcome, _ in points]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": [across for across, _ in places],
        "y": [up for _, up in places],
        "text": [briefly(outcome) for outcome, _ in points],
        "hoverinfo": "text",
        "marker": {"color": DARK, "size": 4, "line": {"color": "white", "width": 0.5}},
    }
    best = [place(outcome) for outcome, _ in points if outcome.number == material.best]
    return [dots, *(star(f"trial {material.best}", at=one) | {"showlegend": False} for one in best)]


def _map(points: list[Judged], *, x: ParameterAxis, y: ParameterAxis, shown: ValueAxis) -> list[dict[str, Any]]:
    """The surface under the points; cells instead of lines where one of the two is a choice."""
    if len(points) < FEWEST_POINTS:
        return []
    places = np.array([(x.unit(one.settings[x.name]), y.unit(one.settings[y.name])) for one, _ in points])
    values = np.array([shown.place(shown.inside(value)) for _, value in points])
    grid = _grid(x), _grid(y)
    z = surface(places, values=values, grid=grid, width=bandwidth(len(points)))
    choices = isinstance(x.parameter, Choices) or isinstance(y.parameter, Choices)
    kind = {"type": "heatmap"} if choices else {"type": "contour", "ncontours": 14, "line": {"width": 0.4}}
    ends = {"x": _places(x, grid[0]), "y": _places(y, grid[1])}
    return [kind | ends | {"z": z, "hoverinfo": "skip", "connectgaps": False}]


def _grid(one: ParameterAxis) -> Any:
    count = len(one.parameter.choices) if isinstance(one.parameter, Choices) else GRID_POINTS
    return np.linspace(0.0, 1.0, count)


def _places(one: ParameterAxis, units: Any) -> list[float]:
    low, high = one.ends
    return [float(place) for place in low + units * (high - low)]


def _colours(material: Material, points: list[Judged], *, shown: ValueAxis) -> dict[str, Any]:
    """What all maps of the figure share: the same colour means the same value."""
    places = [shown.place(shown.inside(value)) for _, value in points]
    name = f"log10 {material.metric.name}" if shown.log else material.metric.name
    bar = {"title": {"text": plain(name)}, "thickness": 14, "tickformat": ".4~g"}
    ends = {"zmin": min(places), "zmax": max(places)}
    return {"colorscale": BEST_TO_WORST, "reversescale": material.maximize, "colorbar": bar, **ends}
