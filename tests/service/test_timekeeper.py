"""The thread in which time passes."""

import threading
from pathlib import Path

from service.coordination.coordinator import NOTHING_KNOWN, Coordinator
from service.errors import Unavailable
from service.executors.contract import Outlook
from service.records import Worker
from service.settings import Settings
from service.timekeeper import Timekeeper
from tests.service.coordinator_house import CoordinatorHouse

SECONDS = 30.0


class Interrupted(Coordinator):
    """One whose database is away when it is asked who is left from an earlier start."""

    num_refused, ticked = 2, threading.Event()

    def workers(self) -> list[Worker]:
        """Those who are here, once the database is."""
        if self.num_refused:
            self.num_refused -= 1
            raise Unavailable("away")
        return super().workers()

    def tick(self, outlook: Outlook = NOTHING_KNOWN) -> int:
        """Time passes, and is seen to."""
        self.ticked.set()
        return super().tick(outlook)


def test_a_database_that_is_away_at_first_is_waited_for(tmp_path: Path, coordinator_house: CoordinatorHouse) -> None:
    coordinator = Interrupted(coordinator_house.database, files=coordinator_house.files)
    coordinator.open()
    failures: list[Exception] = []
    timekeeper = Timekeeper(coordinator, settings=Settings(home=tmp_path, executor="external"))
    timekeeper.start(on_failure=failures.append)
    assert coordinator.ticked.wait(SECONDS)
    timekeeper.stop()
    assert failures == []
