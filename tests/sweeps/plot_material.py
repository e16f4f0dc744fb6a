"""Made-up sweeps to draw, and Plotly as the judge of what was drawn."""

import json
import math
import random
from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure as PlotlyFigure

from sweeps.insights.outcomes import Outcome
from sweeps.plots.kinds import KINDS
from sweeps.plots.material import Material
from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from trainer.config import MetricConfig
from trainer.settings import Setting

SPACE: dict[str, Parameter] = {
    "learning_rate": Range(low=1e-4, high=1.0, log=True),
    "momentum": Range(low=0.0, high=0.99),
    "batch_size": Choices(choices=(16, 32, "full")),
    "nesterov": Choices(choices=(True, False)),
    "lr_decay": Range(low=1e-6, high=1e-2, log=True, when={"nesterov": (False,)}),
    "warmup": Range(low=0, high=6, step=2, integer=True),
    "velocity": "pytorch",
    "shuffle": Choices(choices=(True,)),
}
ACCURACY = MetricConfig(name="val_accuracy", goal="maximize")


def drawn_settings(space: SearchSpace, *, seed: int) -> dict[str, Setting]:
    """A random point of a space."""
    chance = random.Random(seed)
    settings: dict[str, Setting] = {}
    for name, parameter in space.parameters.items():
        if space.is_active(name, settings=settings):
            settings[name] = _draw(parameter, chance=chance)
    return settings


def _draw(parameter: Parameter, *, chance: random.Random) -> Setting:
    if isinstance(parameter, Choices):
        return chance.choice(parameter.choices)
    if not isinstance(parameter, Range):
        return parameter
    if parameter.log:
        return parameter.nearest(math.exp(chance.uniform(math.log(parameter.low), math.log(parameter.high))))
    return parameter.nearest(chance.uniform(parameter.low, parameter.high))


def made_sweep(
    values: Sequence[tuple[TrialState, float | None]], *, space: SearchSpace | None = None, **more: Any
) -> Material:
    """A sweep of trials with these states and values; the first is the baseline, the best COMPLETED one the answer."""
    space = space or SearchSpace(SPACE)
    outcomes = [
        Outcome(number, state, drawn_settings(space, seed=number), value, 0 if value is None else 1 + number % 3)
        for number, (state, value) in enumerate(values)
    ]
    completed = [each for each in outcomes if each.state is TrialState.COMPLETED and each.value is not None]
    best = max(completed, key=lambda each: each.value or 0.0).number if completed else None
    curves = {each.number: {1: None, 2: each.value} for each in outcomes}
    facts = {"name": "a <b> & c", "metric": ACCURACY, "space": space, "outcomes": outcomes, "best": best, "baseline": 0}
    return Material(**{**facts, "curve_metric": "val_accuracy", "curves": curves, **more})


def draw(kind: str, *, material: Material) -> dict[str, Any]:
    """A figure that is JSON without NaN and that Plotly knows every property of."""
    figure = KINDS[kind].draw(material)
    read: dict[str, Any] = json.loads(json.dumps(figure, allow_nan=False))
    PlotlyFigure(read)
    return read


def texts(figure: dict[str, Any]) -> str:
    """The title, the subtitle and the annotations of a figure."""
    title = figure["layout"]["title"]
    notes = [note["text"] for note in figure["layout"].get("annotations", ())]
    return " ".join([title["text"], title.get("subtitle", {}).get("text", ""), *notes])
