"""No pruning."""

from sweeps.records import TrialRecord
from sweeps.states import TrialState
from trainer.report import Verdict


class NeverStop:
    """A Pruner that lets every trial run to its end."""

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """Always CONTINUE."""
        del number, epoch, value
        return Verdict.CONTINUE

    def remember(self, record: TrialRecord) -> None:
        """Nothing to remember."""

    def end(self, number: int, *, state: TrialState) -> None:
        """Nothing to learn."""

    def promote(self) -> int | None:
        """Nothing is ever paused."""
        return None

    def judged(self, *, num_epochs: int) -> tuple[int, ...]:  # noqa: ARG002 - none of them is
        """No epoch is judged."""
        return ()

    def rungs(self) -> tuple[int, ...]:
        """Nothing is ever paused."""
        return ()
