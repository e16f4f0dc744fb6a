"""Range test: the loss after a brief training at each learning rate, and the bounds that it proposes."""

import math
from typing import Any

from sweeps.plots.figure import BLUE, DARK, GREY, RED, Figure, axis, empty_figure, figure
from sweeps.plots.material import Material, bounded
from sweeps.plots.points import plural
from sweeps.plots.value_axis import ValueAxis, value_axis
from trainer.task import RangeCurve


def draw_range_test(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: learning-rate range test"
    if material.range_test is None:
        return empty_figure(title, sentence="There is no range test (yet): learning_rate: auto asks for one.")
    curve = _bounded(material.range_test)
    pairs = zip(curve.rates, curve.losses, strict=True)
    finite = [(rate, loss) for rate, loss in pairs if loss is not None]
    shown = value_axis([curve.first_loss, *(loss for _, loss in finite)], maximize=False)
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "loss",
        "x": [rate for rate, _ in finite],
        "y": [loss for _, loss in finite],
        "line": {"color": BLUE, "width": 2},
    }
    updates = plural(curve.num_updates, noun="update")
    layout = {
        "xaxis": axis("learning_rate (log)", type="log", range=_ends(curve.rates), dtick=1, exponentformat="power"),
        "yaxis": axis(f"loss after {updates} (lower is better)", **shown.layout()),
        "shapes": _shapes(curve),
        "annotations": _words(curve, shown),
    }
    notes = [f"{plural(len(curve.rates), noun='rate')}; the proposed bounds are shaded.", *_beyond(curve, shown)]
    return figure(title, data=[line, *_diverged(curve, shown)], layout=layout, notes=notes)


def _bounded(curve: RangeCurve) -> RangeCurve:
    losses = [None if loss is None else bounded(loss) for loss in curve.losses]
    return curve.model_copy(update={"losses": losses, "first_loss": bounded(curve.first_loss)})


def _shapes(curve: RangeCurve) -> list[dict[str, Any]]:
    whole = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": curve.low, "x1": curve.high}
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": curve.first_loss, "y1": curve.first_loss}
    return [
        whole | {"fillcolor": BLUE, "opacity": 0.12, "line": {"width": 0}, "layer": "below"},
        level | {"line": {"color": GREY, "dash": "dot", "width": 1}, "layer": "below"},
    ]


def _words(curve: RangeCurve, shown: ValueAxis) -> list[dict[str, Any]]:
    """The bounds over the shaded part, the first loss at its line; a place on a log axis is given as logarithm."""
    middle = (math.log10(curve.low) + math.log10(curve.high)) / 2
    text = f"{curve.low:.2g} to {curve.high:.2g}"
    look = {"showarrow": False, "font": {"color": BLUE, "size": 13}}
    bounds = {"x": middle, "y": 1, "yref": "paper", "yanchor": "top", "text": text} | look
    level = {"x": 0.005, "xref": "paper", "xanchor": "left", "y": shown.place(curve.first_loss), "yanchor": "bottom"}
    return [bounds, level | {"text": f"before training: {curve.first_loss:.3g}", "showarrow": False}]


def _diverged(curve: RangeCurve, shown: ValueAxis) -> list[dict[str, Any]]:
    """A cross at the upper edge for each rate whose loss is not finite."""
    rates = [rate for rate, loss in zip(curve.rates, curve.losses, strict=True) if loss is None]
    if not rates:
        return []
    marker = {"symbol": "x", "size": 10, "color": RED, "line": {"color": DARK, "width": 0}}
    trace = {"type": "scatter", "mode": "markers", "name": "diverged", "marker": marker, "cliponaxis": False}
    return [trace | {"x": rates, "y": [shown.high] * len(rates), "hoverinfo": "name+x"}]


def _beyond(curve: RangeCurve, shown: ValueAxis) -> list[str]:
    beyond = shown.num_beyond([loss for loss in curve.losses if loss is not None])
    return [f"{plural(beyond, noun='value')} beyond what is shown."] if beyond else []


def _ends(rates: list[float]) -> list[float]:
    low, high = math.log10(min(rates)), math.log10(max(rates))
    return [low - 0.15, high + 0.15]
