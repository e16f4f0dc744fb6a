"""History: the value of each trial in the order of ending, the best so far, the baseline."""

from typing import Any

from sweeps.plots.figure import DARK, GOLD, Figure, axis, empty_figure, figure
from sweeps.plots.material import Material
from sweeps.plots.points import by_state, drawn, edge_note, fully, lost, plural, thinned_note
from sweeps.plots.value_axis import ValueAxis, value_axis
from sweeps.states import TrialState

MOST_SINGLE_TICKS = 10


def draw_history(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: {material.metric.name} of each trial"
    points = drawn(material)
    if not points:
        return empty_figure(title, sentence="No trial has a value yet.")
    shown = value_axis([value for _, value in points], maximize=material.maximize)
    places = {outcome.number: place for place, outcome in enumerate(material.outcomes, start=1)}
    ticks = {"dtick": 1} if len(places) <= MOST_SINGLE_TICKS else {}
    layout = {
        "xaxis": axis("trials in the order of ending", range=[0, len(places) + 1], **ticks),
        "yaxis": axis(material.metric_title, **shown.layout()),
    }
    dots = by_state(
        [*points, *lost(material, shown=shown)], x=lambda outcome: places[outcome.number], shown=shown, told=fully
    )
    notes = [
        f"{plural(len(places), noun='trial')}, {len(material.valued()):,} with a value.",
        *thinned_note(material),
        *edge_note(points, shown=shown),
    ]
    return figure(
        title, data=[*dots, *_best_so_far(material), *_baseline(material, shown=shown)], layout=layout, notes=notes
    )


def _best_so_far(material: Material) -> list[dict[str, Any]]:
    """A staircase over the COMPLETED trials: the answer of the sweep as it was at each moment."""
    sign = 1.0 if material.maximize else -1.0
    steps: list[tuple[int, float]] = []
    for place, outcome in enumerate(material.outcomes, start=1):
        is_answer = outcome.state is TrialState.COMPLETED and outcome.value is not None
        if is_answer and outcome.value is not None and (not steps or sign * outcome.value > sign * steps[-1][1]):
            steps.append((place, outcome.value))
    if not steps:
        return []
    steps.append((len(material.outcomes), steps[-1][1]))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": [place for place, _ in steps],
            "y": [value for _, value in steps],
            "line": {"shape": "hv", "color": DARK, "width": 2},
            "hoverinfo": "y",
        }
    ]


def _baseline(material: Material, *, shown: ValueAxis) -> list[dict[str, Any]]:
    for place, outcome in enumerate(material.outcomes, start=1):
        if outcome.number == material.baseline and outcome.value is not None:
            marker = {"color": GOLD, "symbol": "diamond", "size": 13, "line": {"color": DARK, "width": 1}}
            name = f"baseline ({outcome.value:.4g})"
            return [
                {"type": "scatter", "mode": "markers", "name": name, "x": [place]}
                | {"y": [shown.inside(outcome.value)], "marker": marker, "hoverinfo": "name"}
            ]
    return []
