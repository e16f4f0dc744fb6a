"""A coordinator whose searches pause every trial at its first epoch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sweeps.pruners.none import NeverStop
from sweeps.records import TrialRecord
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec
from tests.service.coordinator_house import CoordinatorHouse
from trainer.report import Verdict


class PauseAtOne(NeverStop):
    """Pauses every trial after its first epoch; trials go on when the test adds them to `promoted`."""

    promoted: list[int]

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """PAUSE at the one rung."""
        del number, value
        return Verdict.PAUSE if epoch == 1 else Verdict.CONTINUE

    def promote(self) -> int | None:
        """The next one."""
        return self.promoted.pop(0) if self.promoted else None

    def rungs(self) -> tuple[int, ...]:
        """The first epoch."""
        return (1,)


def pausing_house(folder: Path, promoted: list[int], *, database_url: str) -> CoordinatorHouse:
    """A coordinator whose searches pause at epoch 1."""

    def make(spec: SweepSpec, *, records: Iterable[TrialRecord], study_attrs: Mapping[str, Any]) -> Scheduler:
        pruner = PauseAtOne()
        pruner.promoted = promoted
        return Scheduler(spec, records=records, study_attrs=study_attrs, pruner=pruner)

    return CoordinatorHouse(folder, database_url=database_url, make_scheduler=make)
