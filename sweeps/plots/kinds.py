"""The kinds of plots by name."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from sweeps.plots.contour import draw_contour
from sweeps.plots.figure import Figure
from sweeps.plots.history import draw_history
from sweeps.plots.importance import draw_importance
from sweeps.plots.learning_curves import draw_learning_curves
from sweeps.plots.material import Material
from sweeps.plots.parallel_coordinate import draw_parallel_coordinate
from sweeps.plots.range_test import draw_range_test
from sweeps.plots.slice import draw_slice


@dataclass(frozen=True)
class Kind:
    """How a kind is drawn, what it shows, and up to how many parameters it needs no importances (None: never any)."""

    draw: Callable[[Material], Figure]
    about: str
    most_unranked: int | None = None
    curves: bool = False


KINDS = MappingProxyType(
    {
        "history": Kind(draw_history, "The value of each trial in the order of ending, the best so far, the baseline."),
        "importance": Kind(draw_importance, "How much each setting decides whether a trial is good.", most_unranked=0),
        "parallel_coordinate": Kind(
            draw_parallel_coordinate, "One line per trial through all its settings, the best ones dark.", 14
        ),
        "slice": Kind(draw_slice, "The value against each setting, one picture per setting.", most_unranked=12),
        "contour": Kind(draw_contour, "The value over pairs of the most important settings.", most_unranked=4),
        "learning_curves": Kind(
            draw_learning_curves, "A metric over the epochs of the trials, the best on top.", curves=True
        ),
        "range_test": Kind(draw_range_test, "The loss at each learning rate of the range test, and its bounds."),
    }
)


def wants_shares(kind: str, *, num_parameters: int) -> bool:
    """Whether a plot shows or orders by the importances of this many parameters."""
    most = KINDS[kind].most_unranked
    return most is not None and num_parameters > most
