"""Trials as points: which of very many are drawn, how each state looks, what is told under the mouse."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sweeps.insights.outcomes import Judged, Outcome
from sweeps.plots.figure import BLUE, DARK, GOLD, GREY, RED, short
from sweeps.plots.material import Material
from sweeps.plots.value_axis import ValueAxis
from sweeps.states import TrialState

MOST_POINTS = 2000
COLOURS: Final = {
    TrialState.PRUNED: GREY,
    TrialState.COMPLETED: BLUE,
    TrialState.DIVERGED: RED,
    TrialState.FAILED: "#8c2f8c",
    TrialState.CANCELLED: "#c8a060",
    TrialState.PAUSED: "#60a0a0",
    TrialState.RUNNING: "#3aa655",
    TrialState.WAITING: "#d0d4d8",
}
"""The colour of each state, in the order of drawing."""
SYMBOLS: Final = {TrialState.DIVERGED: "x", TrialState.PRUNED: "circle-open"}


def drawn(material: Material) -> list[Judged]:
    """The trials with a value, in the order of ending: all of them, or the best where there are too many."""
    kept = {outcome.number for outcome, _ in material.best_first()[:MOST_POINTS]}
    return [one for one in material.valued() if one[0].number in kept]


def lost(material: Material, *, shown: ValueAxis) -> list[Judged]:
    """The trials that diverged before they had a value, at the worse edge of the axis: where they lie is a finding."""
    worst = shown.low if material.maximize else shown.high
    diverged = [each for each in material.outcomes if each.state is TrialState.DIVERGED and each.value is None]
    return [(outcome, worst) for outcome in diverged[:MOST_POINTS]]


def thinned_note(material: Material) -> list[str]:
    """A sentence when not all trials are drawn."""
    count = len(material.valued())
    return [f"The best {MOST_POINTS:,} of {count:,} are drawn."] if count > MOST_POINTS else []


def edge_note(points: Sequence[Judged], *, shown: ValueAxis) -> list[str]:
    """A sentence when some values lie beyond the axis."""
    beyond = shown.num_beyond([value for _, value in points])
    return [f"{plural(beyond, noun='value')} far off, drawn at the edge."] if beyond else []


def by_state(
    points: Sequence[Judged], *, x: Callable[[Outcome], float], shown: ValueAxis, told: Callable[[Outcome], str]
) -> list[dict[str, Any]]:
    """One trace per state: the value of each trial, or the edge of the axis, over its `x`."""
    traces = []
    for state, colour in COLOURS.items():
        if mine := [(outcome, value) for outcome, value in points if outcome.state is state]:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": state.value,
                    "legendgroup": state.value,
                    "x": [x(outcome) for outcome, _ in mine],
                    "y": [shown.inside(value) for _, value in mine],
                    "text": [told(outcome) for outcome, _ in mine],
                    "hoverinfo": "text",
                    "marker": {"color": colour, "symbol": _symbols(mine, state=state, shown=shown), "size": 7},
                }
            )
    return traces


def _symbols(points: Sequence[Judged], *, state: TrialState, shown: ValueAxis) -> str | list[str]:
    """The state's symbol; a triangle that points to where the value lies stands for one beyond the axis."""
    own = SYMBOLS.get(state, "circle")
    if state is TrialState.DIVERGED or not shown.num_beyond([value for _, value in points]):
        return own
    beyond = {-1: "triangle-down", 0: own, 1: "triangle-up"}
    return [beyond[(value > shown.high) - (value < shown.low)] for _, value in points]


def star(name: str, *, at: tuple[float, float]) -> dict[str, Any]:
    """The best trial."""
    marker = {"symbol": "star", "size": 15, "color": GOLD, "line": {"color": DARK, "width": 1}}
    trace = {"type": "scatter", "mode": "markers", "name": name, "legendgroup": "best", "marker": marker}
    return trace | {"x": [at[0]], "y": [at[1]], "hoverinfo": "name"}


def briefly(outcome: Outcome) -> str:
    """What is told of a trial under the mouse, where it stands in many pictures."""
    return f"trial {outcome.number}: {_brief(outcome.value)}"


def fully(outcome: Outcome) -> str:
    """What is told of a trial under the mouse: its settings too."""
    settings = "".join(f"<br>{short(name)} = {_brief(setting)}" for name, setting in outcome.settings.items())
    return f"{briefly(outcome)}<br>{outcome.state.value}, {plural(outcome.num_epochs, noun='epoch')}{settings}"


def plural(count: int, *, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _brief(setting: object) -> str:
    if setting is None:
        return "no value"
    return f"{setting:.4g}" if isinstance(setting, float) else short(setting)
