"""Our own MLflow behind faults: calls that fail before or after they were done, and calls that are done late.

Each comes for either road: by MLflow's client a call is about one run, into its tables one about many.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from service.recorder.content import Point, RunStatus
from service.recorder.data_content import DataContent
from service.recorder.delivery import Delivery, NewRun
from service.recorder.mlflow_client import Arrived
from service.recorder.mlflow_embedded import EmbeddedMlflow

BY_CLIENT = partial(EmbeddedMlflow, known=("an older MLflow", "its tables"))
"""Our own MLflow by the slow road: it takes its tables for strange ones."""


class Lost(Exception):
    """The call did not come through, or its answer did not."""


class Faults:
    """Fails at one call, before or after it was done."""

    def __init__(self) -> None:
        self.fail_at = -1
        self.after = False
        self.num_calls = 0

    def next(self) -> "Fault":
        """Around a call."""
        self.num_calls += 1
        return Fault(fails=self.num_calls == self.fail_at + 1, after=self.after)


class Fault:
    """Raises Lost at its begin or at its end."""

    def __init__(self, *, fails: bool, after: bool) -> None:
        self._fails, self._after = fails, after

    def __enter__(self) -> None:
        if self._fails and not self._after:
            raise Lost

    def __exit__(self, *_: Any) -> None:
        if self._fails and self._after:
            raise Lost


class Faulty(EmbeddedMlflow):
    """Fails at one call about many runs, before or after it was done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.faults = Faults()

    def create_all(self, wanted: Sequence[NewRun]) -> list[str]:
        if not wanted:
            return []
        with self.faults.next():
            return super().create_all(wanted)
        raise AssertionError

    def send_all(self, deliveries: Sequence[Delivery], *, arrived: Arrived) -> None:
        if not deliveries:
            return
        came: list[tuple[Any, Any]] = []
        with self.faults.next():
            super().send_all(deliveries, arrived=lambda delivery, fault: came.append((delivery, fault)))
        for delivery, fault in came:
            arrived(delivery, fault)


class FaultyClient(EmbeddedMlflow):
    """Fails at one call about one run, before or after it was done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, known=BY_CLIENT.keywords["known"])
        self.faults = Faults()

    def create(self, run: NewRun) -> str:
        with self.faults.next():
            return super().create(run)
        raise AssertionError

    def log(
        self, run_id: str, *, points: tuple[Point, ...], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        with self.faults.next():
            super().log(run_id, points=points, params=params, tags=tags)

    def log_data(self, run_id: str, *, data: DataContent) -> None:
        with self.faults.next():
            super().log_data(run_id, data=data)

    def end(self, run_id: str, *, status: RunStatus, ended_ms: int) -> None:
        with self.faults.next():
            super().end(run_id, status=status, ended_ms=ended_ms)


class Frozen(EmbeddedMlflow):
    """Takes each wish for runs, does not answer, and carries it out once the same was asked again and done."""

    num_losses = 2  # of the parent, and of its trials

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.unheard: set[str] = set()

    def create_all(self, wanted: Sequence[NewRun]) -> list[str]:
        keys = {run.content.key for run in wanted}
        if keys - self.unheard:
            self.unheard |= keys
            raise Lost
        super().create_all(wanted)
        return super().create_all(wanted)


class FrozenClient(EmbeddedMlflow):
    """The same for each single run."""

    num_losses = 4  # of the parent, and of each of three trials

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, known=BY_CLIENT.keywords["known"])
        self.unheard: set[str] = set()

    def create(self, run: NewRun) -> str:
        if run.content.key not in self.unheard:
            self.unheard.add(run.content.key)
            raise Lost
        run_id = super().create(run)
        super().create(run)
        return run_id
