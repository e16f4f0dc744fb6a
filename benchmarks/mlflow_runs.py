"""What an MLflow database shows of the runs in it, read from its SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.workload import METRIC
from service.recorder.content import SWEEP_TAG

_ENDED = "SELECT count(*) FROM runs WHERE end_time IS NOT NULL AND status NOT IN ('RUNNING', 'SCHEDULED')"
_SPANS = "SELECT start_time / 1000.0, end_time / 1000.0 FROM runs WHERE end_time IS NOT NULL"
_BEST = "SELECT max(value) FROM metrics WHERE key = ? AND is_nan = 0"
_NUM_POINTS = "SELECT count(*) FROM metrics WHERE key = ?"
_OF_SWEEP = " AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)"


class MlflowRuns:
    """A database that another process writes; it may not be there yet. `sweep_id`: only runs of this sweep count."""

    def __init__(self, database: Path, *, sweep_id: str | None = None) -> None:
        self._database = database
        self._of_sweep = () if sweep_id is None else (SWEEP_TAG, sweep_id)

    def num_ended(self) -> int:
        """How many runs are terminated by now."""
        try:
            return int(self._ask(_ENDED)[0][0])
        except sqlite3.OperationalError:
            return 0  # no file or no tables yet

    def spans(self) -> list[tuple[float, float]]:
        """Start and end of each run that ended, in seconds since 1970, as its client wrote them; earliest first."""
        return sorted((float(start), float(end)) for start, end in self._ask(_SPANS))

    def best_value(self) -> float:
        """The best value of the metric at any epoch of any run."""
        return float(self._ask(_BEST, METRIC)[0][0])

    def num_epochs(self) -> int:
        """How many epochs of all runs are there: the points of the metric."""
        return int(self._ask(_NUM_POINTS, METRIC)[0][0])

    def _ask(self, query: str, *parameters: str) -> list[tuple[float, ...]]:
        asked = query + _OF_SWEEP if self._of_sweep else query
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(asked, (*parameters, *self._of_sweep)).fetchall()
