"""Learning curves: a metric over the epochs of the trials, the best one's on top."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.insights.outcomes import Outcome
from sweeps.plots.figure import DARK, GOLD, Figure, axis, empty_figure, figure
from sweeps.plots.material import Material, bounded
from sweeps.plots.points import COLOURS, plural
from sweeps.plots.value_axis import value_axis
from sweeps.spec import goal_of

HELD = ("learning_rate", "momentum")
"""What a report tells of the settings in force: none is better than another."""
MOST_MARKED = 3000
"""With more points than this the lines alone are drawn."""

Finite = Mapping[int, float]


def draw_learning_curves(material: Material) -> Figure:
    """The figure."""
    name = material.curve_metric
    title = f"{material.name}: {name} over the epochs"
    found = {
        number: {e: bounded(v) for e, v in curve.items() if v is not None} for number, curve in material.curves.items()
    }
    curves: dict[int, Finite] = {number: curve for number, curve in found.items() if curve}
    values = [value for curve in curves.values() for value in curve.values()]
    if not values:
        return empty_figure(title, sentence=f"No trial has reported a finite {name} yet.")
    maximize = _maximize(material)
    reached = values if maximize is None else [(max if maximize else min)(curve.values()) for curve in curves.values()]
    shown = value_axis(reached, maximize=maximize)  # by what the trials reached: first epochs may begin far off
    outcomes = [outcome for outcome in material.outcomes if outcome.number in curves]
    data = _bundles(outcomes, curves, mode="lines+markers" if len(values) <= MOST_MARKED else "lines")
    data += [_marked(f"{word} (trial {n})", curves[n], colour=colour) for n, word, colour in _notable(material, curves)]
    better = {None: "", True: " (higher is better)", False: " (lower is better)"}[maximize]
    layout = {"xaxis": axis("epoch", rangemode="tozero"), "yaxis": axis(name + better, **shown.layout())}
    return figure(title, data=data, layout=layout, notes=_notes(material, num_drawn=len(curves)))


def _notes(material: Material, *, num_drawn: int) -> list[str]:
    trained, loaded = sum(outcome.num_epochs > 0 for outcome in material.outcomes), len(material.curves)
    if loaded < trained:
        return [f"The best {num_drawn:,} of {trained:,} trials are drawn."]
    never = loaded - num_drawn
    return [f"{plural(never, noun='trial')} without a finite value."] if never else []


def _notable(material: Material, curves: Mapping[int, Finite]) -> list[tuple[int, str, str]]:
    """The trials whose curves stand out: number, word, colour."""
    if material.best == material.baseline:
        wanted = [(material.best, "baseline and best", GOLD)]
    else:
        wanted = [(material.baseline, "baseline", DARK), (material.best, "best", GOLD)]
    return [(number, word, colour) for number, word, colour in wanted if number is not None and number in curves]


def _maximize(material: Material) -> bool | None:
    name = material.curve_metric
    if name in HELD:
        return None
    return material.maximize if name == material.metric.name else goal_of(name) == "maximize"


def _bundles(outcomes: Sequence[Outcome], curves: Mapping[int, Finite], *, mode: str) -> list[dict[str, Any]]:
    """One trace per state, with a gap after each trial's curve: thousands of traces would be slow to show."""
    traces = []
    for state, colour in COLOURS.items():
        mine = [outcome for outcome in outcomes if outcome.state is state]
        if not mine:
            continue
        x: list[int | None] = []
        y: list[float | None] = []
        text: list[str] = []
        for outcome in mine:
            curve = curves[outcome.number]
            x += [*curve, None]
            y += [*curve.values(), None]
            text += [f"trial {outcome.number}"] * (len(curve) + 1)
        look = {"line": {"color": colour, "width": 1.2}, "marker": {"size": 3}, "opacity": 0.65, "connectgaps": False}
        hover = {"text": text, "hoverinfo": "text+x+y"}
        traces.append({"type": "scatter", "mode": mode, "name": state.value, "x": x, "y": y} | look | hover)
    return traces


def _marked(name: str, curve: Finite, *, colour: str) -> dict[str, Any]:
    look = {"mode": "lines+markers", "line": {"color": colour, "width": 3}, "marker": {"size": 6}}
    return {
        "type": "scatter",
        "name": name,
        "x": list(curve),
        "y": list(curve.values()),
        "hoverinfo": "name+x+y",
    } | look
