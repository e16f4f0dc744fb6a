"""How trials went, and what of that can be learnt from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sweeps.states import TrialState
from trainer.settings import Setting

FEWEST_TRIALS = 10
"""With fewer trials nothing can be said about which parameters matter."""


@dataclass(frozen=True)
class Outcome:
    """How one trial went. `value` is the metric at its best finite epoch so far, in every state."""

    number: int
    state: TrialState
    settings: Mapping[str, Setting]
    value: float | None
    num_epochs: int


Judged: TypeAlias = tuple[Outcome, float]
"""A trial with a value, and that value."""


def evidence(outcomes: Iterable[Outcome], *, maximize: bool) -> list[Judged]:
    """The ended trials that say something about their settings, each with what it is worth.

    A PRUNED trial is worth what it reached, a DIVERGED one as little as the worst of all; a FAILED or CANCELLED one
    says nothing.
    """
    known = list(outcomes)
    judged = [
        (each, each.value)
        for each in known
        if each.value is not None and each.state in (TrialState.COMPLETED, TrialState.PRUNED)
    ]
    if not judged:
        return []
    worst = (min if maximize else max)(value for _, value in judged)
    return judged + [(each, worst) for each in known if each.state is TrialState.DIVERGED]
