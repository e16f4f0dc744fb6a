"""Parallel coordinates: one line per trial through all its settings, the best ones dark."""

from typing import Any

from sweeps.insights.outcomes import Judged
from sweeps.plots.figure import BEST_TO_WORST, TOP_PIXELS, Figure, empty_figure, figure, short
from sweeps.plots.material import Material
from sweeps.plots.parameter_axis import ParameterAxis
from sweeps.plots.points import edge_note
from sweeps.plots.ticks import log_ticks, number_ticks
from sweeps.plots.value_axis import ValueAxis, value_axis

MOST_LINES = 500
MOST_PARAMETERS = 14
NOT_SET = "not set"


def draw_parallel_coordinate(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: settings and {material.metric.name}"
    lines, parameters = material.best_first()[:MOST_LINES], material.leading(MOST_PARAMETERS)
    if not lines:
        return empty_figure(title, sentence="No trial has a value yet.")
    if not parameters:
        return empty_figure(title, sentence="No setting is searched, so there is nothing to compare.")
    lines.reverse()  # what comes last lies on top
    shown = value_axis([value for _, value in lines], maximize=material.maximize)
    axes = [ParameterAxis(name, parameter) for name, parameter in parameters.items()]
    places = [shown.place(shown.inside(value)) for _, value in lines]
    trace = {
        "type": "parcoords",
        "dimensions": [*(_dimension(one, lines) for one in axes), _value_dimension(material, places, shown=shown)],
        "line": _colours(material, places),
        "labelangle": -15,
        "labelfont": {"size": 12},
    }
    count = len(material.valued())
    notes = [f"The best {MOST_LINES} of {count:,} trials are drawn."] if count > MOST_LINES else []
    notes += ["Dark is good; drag along an axis to select.", *edge_note(lines, shown=shown)]
    layout = {"height": 520, "margin": {"l": 90, "r": 80, "t": TOP_PIXELS + 60, "b": 40}}
    return figure(title, data=[trace], layout=layout, notes=notes)


def _dimension(one: ParameterAxis, lines: list[Judged]) -> dict[str, Any]:
    """A parameter's axis; trials in which it is not active meet below its lowest value."""
    low, high = one.ends
    below = low - 0.12 * (high - low)
    places = [one.place(outcome.settings[one.name]) if one.name in outcome.settings else below for outcome, _ in lines]
    ticks, labels = one.ticks()
    if below in places:
        low, ticks, labels = below, [below, *ticks], [NOT_SET, *labels]
    return {"label": short(one.title), "values": places, "range": [low, high], "tickvals": ticks, "ticktext": labels}


def _value_dimension(material: Material, places: list[float], *, shown: ValueAxis) -> dict[str, Any]:
    low, high = _ends(places)
    ticks, labels = log_ticks(low, high=high) if shown.log else number_ticks(low, high=high)
    name = f"{material.metric.name} (log)" if shown.log else material.metric.name
    return {"label": short(name), "values": places, "range": [low, high], "tickvals": ticks, "ticktext": labels}


def _colours(material: Material, places: list[float]) -> dict[str, Any]:
    low, high = _ends(places)
    return {"color": places, "colorscale": BEST_TO_WORST, "reversescale": material.maximize, "cmin": low, "cmax": high}


def _ends(places: list[float]) -> tuple[float, float]:
    low, high = min(places), max(places)
    return (low, high) if low < high else (low - 0.5, high + 0.5)
