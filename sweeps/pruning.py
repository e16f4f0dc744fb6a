"""Who stops hopeless trials: the one interface, and the pruner that a spec names."""

from typing import Protocol

from sweeps.pruner_spec import AshaPruner, HyperbandPruner, MedianPruner
from sweeps.pruners.asha import Asha
from sweeps.pruners.hyperband import Hyperband
from sweeps.pruners.median import Median
from sweeps.pruners.none import NeverStop
from sweeps.records import TrialRecord
from sweeps.spec import SweepSpec
from sweeps.states import TrialState
from trainer.report import Verdict


class Pruner(Protocol):
    """Judges epochs by the values of other trials. Every epoch is judged once, in order; the Scheduler sees to that."""

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """The verdict on the epoch that a trial just ended; None is a value that is not finite."""

    def remember(self, record: TrialRecord) -> None:
        """Takes back a trial whose epochs were judged before. The order of such calls does not matter."""

    def end(self, number: int, *, state: TrialState) -> None:
        """A trial ended."""

    def promote(self) -> int | None:
        """A paused trial that may go on, if there is one."""

    def rungs(self) -> tuple[int, ...]:
        """The epochs at which PAUSE may be the verdict."""

    def judged(self, *, num_epochs: int) -> tuple[int, ...] | None:
        """The epochs before the last at which the verdict may be another than CONTINUE; None: at any."""


def pruner_of(spec: SweepSpec) -> Pruner:
    """The pruner of a resolved spec."""
    pruner, goal = spec.pruner, spec.goal_metric.goal
    if isinstance(pruner, AshaPruner):
        return Asha(min_epochs=pruner.min_epochs, reduction_factor=pruner.reduction_factor, goal=goal)
    if isinstance(pruner, HyperbandPruner):
        return Hyperband(
            min_epochs=pruner.min_epochs,
            max_epochs=spec.budget.epochs,
            reduction_factor=pruner.reduction_factor,
            goal=goal,
        )
    if isinstance(pruner, MedianPruner):
        return Median(startup_trials=pruner.startup_trials, warmup_epochs=pruner.warmup_epochs, goal=goal)
    return NeverStop()
