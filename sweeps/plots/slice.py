"""Slice: the value against each parameter, one picture per parameter."""

import math
from typing import Any

from sweeps.insights.outcomes import Judged, Outcome
from sweeps.plots.figure import BOTTOM_PIXELS, TOP_PIXELS, Figure, axis, empty_figure, figure
from sweeps.plots.material import Material
from sweeps.plots.panels import Panels, on
from sweeps.plots.parameter_axis import ParameterAxis
from sweeps.plots.points import briefly, by_state, drawn, edge_note, lost, star, thinned_note
from sweeps.plots.value_axis import ValueAxis, value_axis

MOST_SLICES = 12
MOST_COLUMNS = 4
ROW_PIXELS = 270


def draw_slice(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: {material.metric.name} against each setting"
    points, parameters = drawn(material), material.leading(MOST_SLICES)
    if not points:
        return empty_figure(title, sentence="No trial has a value yet.")
    if not parameters:
        return empty_figure(title, sentence="No setting is searched, so there is nothing to slice.")
    shown = value_axis([value for _, value in points], maximize=material.maximize)
    everything = [*points, *lost(material, shown=shown)]
    columns = min(MOST_COLUMNS, len(parameters))
    panels = Panels(rows=math.ceil(len(parameters) / columns), columns=columns)
    layout: dict[str, Any] = {"height": max(420, ROW_PIXELS * panels.rows + TOP_PIXELS + BOTTOM_PIXELS)}
    data: list[dict[str, Any]] = []
    for index, name in enumerate(parameters):
        row, column = divmod(index, columns)
        parameter = ParameterAxis(name, parameters[name])
        data += [trace | on(index) for trace in _traces(material, everything, parameter=parameter, shown=shown)]
        y = axis(material.metric_title if column == 0 else "", showticklabels=column == 0, **shown.layout())
        layout |= panels.axes(index, place=(row, column), x=parameter.layout(), y=y)
    notes = [*thinned_note(material), *edge_note(points, shown=shown)]
    return figure(title, data=_one_legend(data), layout=layout, notes=notes)


def _traces(
    material: Material, points: list[Judged], *, parameter: ParameterAxis, shown: ValueAxis
) -> list[dict[str, Any]]:
    def x(outcome: Outcome) -> float:
        return parameter.spread(outcome.settings[parameter.name], number=outcome.number)

    mine = [(outcome, value) for outcome, value in points if parameter.name in outcome.settings]
    traces = by_state(mine, x=x, shown=shown, told=briefly)
    best = [(outcome, value) for outcome, value in mine if outcome.number == material.best]
    return traces + [star(f"best (trial {outcome.number})", at=(x(outcome), value)) for outcome, value in best]


def _one_legend(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The traces with each group once in the legend."""
    groups = [trace["legendgroup"] for trace in data]
    return [trace | {"showlegend": trace["legendgroup"] not in groups[:index]} for index, trace in enumerate(data)]
