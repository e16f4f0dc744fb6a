"""Importance: how much each parameter decides whether a trial is among the best."""

from sweeps.insights.outcomes import FEWEST_TRIALS, evidence
from sweeps.plots.figure import BLUE, Figure, axis, empty_figure, figure
from sweeps.plots.material import Material

MOST_BARS = 20
ENOUGH_TRIALS = 50
"""From here on the best tenth holds the five trials that Optuna advises."""


def draw_importance(material: Material) -> Figure:
    """The figure."""
    title = f"{material.name}: which settings matter for {material.metric.name}"
    count = len(evidence(material.outcomes, maximize=material.maximize))
    if not material.parameters():
        return empty_figure(title, sentence="No setting is searched, so none can matter.")
    if count < FEWEST_TRIALS:
        sentence = f"Too few trials to tell: {count} say something so far, {FEWEST_TRIALS} are needed."
        return empty_figure(title, sentence=sentence)
    if not material.shares:
        return empty_figure(title, sentence="All trials are alike so far: nothing tells the settings apart.")
    bars = sorted(material.shares.items(), key=lambda one: (one[1], one[0]))[-MOST_BARS:]
    shares = [share for _, share in bars]
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": [name for name, _ in bars],
        "text": [f"{share:.0%}" if share >= 0.005 else "< 1%" for share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "y+text",
        "marker": {"color": BLUE},
    }
    layout = {
        "xaxis": axis("share of importance (all add up to 100%)", tickformat=".0%", range=[0, 1.08 * max(shares)]),
        "yaxis": axis("", type="category", showgrid=False),
        "bargap": 0.35,
    }
    notes = [f"From {count:,} trials, by PED-ANOVA: what sets the best tenth apart."]
    rough = [f"Rough: fewer than {ENOUGH_TRIALS} trials."] if count < ENOUGH_TRIALS else []
    return figure(title, data=[bar], layout=layout, notes=[*notes, *rough])
