"""Asynchronous successive halving that stops and never pauses.

Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2020), in the form of Optuna's
SuccessiveHalvingPruner, whose verdicts these are; its rungs are searched by bisection instead of sorted at each report.
"""

import math
from bisect import insort
from collections import defaultdict

from sweeps.records import TrialRecord
from sweeps.states import TrialState
from trainer.config import Goal
from trainer.report import Verdict


class Asha:
    """A Pruner with a rung at min_epochs · reduction_factor^(first_rung + k) epochs.

    At a rung a trial goes on when its value there is among the best 1/reduction_factor of all seen there so far, itself
    included, or the best where they are fewer than reduction_factor. What is not finite does not go on and is not
    counted. What a rung holds does not hang on the order in which trials came, so that it can be rebuilt in any order.
    """

    def __init__(self, *, min_epochs: int, reduction_factor: int, goal: Goal, first_rung: int = 0) -> None:
        self._first_epochs = min_epochs * reduction_factor**first_rung
        self._reduction_factor = reduction_factor
        self._sign = 1 if goal == "minimize" else -1
        self._costs: defaultdict[int, list[float]] = defaultdict(list)
        self._passed: dict[int, int] = {}

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """CONTINUE between rungs; at one by rank."""
        while epoch >= self._rung_epochs(rung := self._passed.get(number, 0)):
            if value is None or not math.isfinite(value):
                return Verdict.STOP
            cost = self._sign * value
            self._enter(number, rung=rung, cost=cost)
            if cost > self._bar(rung):
                return Verdict.STOP
        return Verdict.CONTINUE

    def remember(self, record: TrialRecord) -> None:
        """Puts the values that a trial had at rungs back into them."""
        for epoch, value in sorted(record.values.items()):
            while epoch >= self._rung_epochs(rung := self._passed.get(record.number, 0)):
                if value is None or not math.isfinite(value):
                    break
                self._enter(record.number, rung=rung, cost=self._sign * value)

    def end(self, number: int, *, state: TrialState) -> None:
        """What a trial left in the rungs stays there."""

    def promote(self) -> int | None:
        """Nothing is ever paused."""
        return None

    def rungs(self) -> tuple[int, ...]:
        """Nothing is ever paused."""
        return ()

    def judged(self, *, num_epochs: int) -> tuple[int, ...]:
        """The rungs before the last epoch."""
        epochs: list[int] = []
        while (epoch := self._rung_epochs(len(epochs))) < num_epochs:
            epochs.append(epoch)
        return tuple(epochs)

    def _rung_epochs(self, rung: int) -> int:
        return int(self._first_epochs * self._reduction_factor**rung)

    def _enter(self, number: int, *, rung: int, cost: float) -> None:
        insort(self._costs[rung], cost)
        self._passed[number] = rung + 1

    def _bar(self, rung: int) -> float:
        costs = self._costs[rung]
        return costs[max(len(costs) // self._reduction_factor, 1) - 1]
