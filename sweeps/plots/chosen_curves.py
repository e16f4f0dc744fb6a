"""Which learning curves are read and drawn: the best ones, and not more points than a browser shows at once."""

import math
from dataclasses import dataclass

from sweeps.plots.material import Material

MOST_CURVES = 300
MOST_POINTS = 20_000
MOST_EPOCHS = 500
"""Longer trainings are shown by every second, third ... epoch."""


@dataclass(frozen=True)
class ChosenCurves:
    """The numbers of the trials; of their epochs the first and every so many are drawn."""

    numbers: tuple[int, ...]
    every: int


def chosen_curves(material: Material) -> ChosenCurves:
    """The answer and the baseline, then the best trials, those without a finite value last."""
    trained = {each.number: each.num_epochs for each in material.outcomes if each.num_epochs > 0}
    every = max(1, math.ceil(max(trained.values(), default=1) / MOST_EPOCHS))
    notable = [number for number in (material.best, material.baseline) if number in trained]
    ordered = dict.fromkeys([*notable, *(outcome.number for outcome, _ in material.best_first()), *trained])
    numbers: list[int] = []
    num_points = 0
    for number in ordered:
        num_points += trained.get(number, 0) // every + 1
        if num_points > MOST_POINTS or len(numbers) == MOST_CURVES:
            break
        if number in trained:
            numbers.append(number)
    return ChosenCurves(tuple(numbers), every)
