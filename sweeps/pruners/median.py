"""Stops what is worse than the middle of those who went all the way.

Source: Golovin et al., "Google Vizier" (KDD 2017), in the form of Optuna's MedianPruner, whose verdicts these are.
"""

import math
from bisect import insort
from collections import defaultdict

from sweeps.records import TrialRecord
from sweeps.states import FINAL_TRIAL_STATES, TrialState
from trainer.config import Goal
from trainer.report import Verdict


class Median:
    """A Pruner: after `warmup_epochs` epochs, and once `startup_trials` (and at least one) trials are COMPLETED.

    A trial is stopped when its best value so far is worse than the median of the completed trials' values at this
    epoch, or when it never had a finite one. Trials can be remembered in any order.
    """

    def __init__(self, *, startup_trials: int, warmup_epochs: int, goal: Goal) -> None:
        self._num_needed = max(startup_trials, 1)
        self._warmup_epochs = warmup_epochs
        self._sign = 1 if goal == "minimize" else -1
        self._num_completed = 0
        self._completed_costs: defaultdict[int, list[float]] = defaultdict(list)
        self._costs: defaultdict[int, dict[int, float]] = defaultdict(dict)
        self._best: dict[int, float] = {}

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """STOP where the best so far is worse than the median."""
        self._note(number, epoch=epoch, value=value)
        if epoch <= self._warmup_epochs or self._num_completed < self._num_needed:
            return Verdict.CONTINUE
        if number not in self._best:
            return Verdict.STOP
        costs = self._completed_costs[epoch]
        return Verdict.STOP if costs and self._best[number] > median(costs) else Verdict.CONTINUE

    def remember(self, record: TrialRecord) -> None:
        """Notes a trial's values, and its end if that was a full one."""
        for epoch, value in record.values.items():
            self._note(record.number, epoch=epoch, value=value)
        if record.state in FINAL_TRIAL_STATES:
            self.end(record.number, state=record.state)

    def end(self, number: int, *, state: TrialState) -> None:
        """The values of a COMPLETED trial are what others are measured by."""
        costs = self._costs.pop(number, {})
        self._best.pop(number, None)
        if state is TrialState.COMPLETED:
            self._num_completed += 1
            for epoch, cost in costs.items():
                insort(self._completed_costs[epoch], cost)

    def promote(self) -> int | None:
        """Nothing is ever paused."""
        return None

    def judged(self, *, num_epochs: int) -> None:
        """Any epoch may be the one that ends a trial."""

    def rungs(self) -> tuple[int, ...]:
        """Nothing is ever paused."""
        return ()

    def _note(self, number: int, *, epoch: int, value: float | None) -> None:
        if value is not None and math.isfinite(value):
            cost = self._sign * value
            self._costs[number][epoch] = cost
            self._best[number] = min(cost, self._best.get(number, math.inf))


def median(ordered: list[float]) -> float:
    """The middle of sorted numbers."""
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return high - (high - low) * 0.5
