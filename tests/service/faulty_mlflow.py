"""Our own MLflow behind faults: calls that fail before or after they were done, and calls that are done late."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.recorder.content import Point, RunContent, RunStatus
from service.recorder.data_content import DataContent
from service.recorder.mlflow_client import EmbeddedMlflow


class Lost(Exception):
    """The call did not come through, or its answer did not."""


class Faulty(EmbeddedMlflow):
    """Fails at one call, before or after it was done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fail_at = -1
        self.after = False
        self.num_calls = 0

    def create(self, experiment_id: str, *, content: RunContent, parent: str | None) -> str:
        with self._fault():
            return super().create(experiment_id, content=content, parent=parent)
        raise AssertionError

    def log(
        self, run_id: str, *, points: tuple[Point, ...], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        with self._fault():
            super().log(run_id, points=points, params=params, tags=tags)

    def log_data(self, run_id: str, *, data: DataContent) -> None:
        with self._fault():
            super().log_data(run_id, data=data)

    def end(self, run_id: str, *, status: RunStatus, ended_ms: int) -> None:
        with self._fault():
            super().end(run_id, status=status, ended_ms=ended_ms)

    def _fault(self) -> "Fault":
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


class Frozen(EmbeddedMlflow):
    """Takes each wish for a run, does not answer, and carries it out once the same was asked again and done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.unheard: set[str] = set()

    def create(self, experiment_id: str, *, content: RunContent, parent: str | None) -> str:
        if content.key not in self.unheard:
            self.unheard.add(content.key)
            raise Lost
        run_id = super().create(experiment_id, content=content, parent=parent)
        super().create(experiment_id, content=content, parent=parent)
        return run_id
