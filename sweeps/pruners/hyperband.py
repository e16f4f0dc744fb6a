"""Hyperband: successive halvings side by side, each beginning to stop later than the one before.

Source: Li et al., "Hyperband" (JMLR 2018), in the form of Optuna's HyperbandPruner, whose brackets and verdicts these
are for a study named "ravine".
"""

import math
from zlib import crc32

from sweeps.pruners.asha import Asha
from sweeps.records import TrialRecord
from sweeps.states import TrialState
from trainer.config import Goal
from trainer.report import Verdict

STUDY_NAME = "ravine"


class Hyperband:
    """A Pruner that shares trials out over brackets by a hash of their numbers; within one it is Asha."""

    def __init__(self, *, min_epochs: int, max_epochs: int, reduction_factor: int, goal: Goal) -> None:
        num_brackets = max(1, math.floor(math.log(max_epochs / min_epochs, reduction_factor)) + 1)
        self._shares = bracket_shares(num_brackets, reduction_factor=reduction_factor)
        self._brackets = [
            Asha(min_epochs=min_epochs, reduction_factor=reduction_factor, goal=goal, first_rung=bracket)
            for bracket in range(num_brackets)
        ]

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """The verdict of the trial's bracket."""
        return self._bracket(number).report(number, epoch=epoch, value=value)

    def remember(self, record: TrialRecord) -> None:
        """Puts a trial's values back into the rungs of its bracket."""
        self._bracket(record.number).remember(record)

    def end(self, number: int, *, state: TrialState) -> None:
        """What a trial left in the rungs stays there."""

    def promote(self) -> int | None:
        """Nothing is ever paused."""
        return None

    def rungs(self) -> tuple[int, ...]:
        """Nothing is ever paused."""
        return ()

    def judged(self, *, num_epochs: int) -> tuple[int, ...]:
        """The rungs of all brackets."""
        return tuple(sorted({epoch for each in self._brackets for epoch in each.judged(num_epochs=num_epochs)}))

    def _bracket(self, number: int) -> Asha:
        place = crc32(f"{STUDY_NAME}_{number}".encode()) % sum(self._shares)
        for bracket, share in zip(self._brackets, self._shares, strict=True):
            if place < share:
                return bracket
            place -= share
        raise AssertionError("the shares add up to their sum")


def bracket_shares(num_brackets: int, *, reduction_factor: int) -> list[int]:
    """How many of every sum of trials each bracket gets: n in algorithm 1 of the paper, up to a common factor."""
    halvings = range(num_brackets - 1, -1, -1)
    return [math.ceil(num_brackets * reduction_factor**each / (each + 1)) for each in halvings]
