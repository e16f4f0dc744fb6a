"""The sides of the comparison: each searches the same problem from nothing and is seen through its MLflow database.

The clock of a side starts just before its first process. MLflow shows the n-th trial when it has n terminated runs:
for Ravine the moment at which a look at the database saw them, which is late; for the peers the end time that their own
client wrote with the termination, which is early.

The marginal rate between two trials begins when the first was over for the side itself and ends when MLflow shows the
second. The peers wait for MLflow, so that the two are one. Ravine does not: had its rate begun with what MLflow shows,
the recorder catching up would pass for speed. So all that MLflow lags behind counts against Ravine, and the last trial
is not shown before the sweep's own run has ended too.

Rates say what trials cost a side that is warm. The peers are by then: their processes have imported, opened MLflow and
made trials. A second study in the same processes would find no more; Ray Tune as it comes starts a process per trial
whatever was before. Ravine's starts go on beside its first sweep, so its rates are those of a second one (see
ravine_side); those of the first are kept as cold ones. Time from nothing and best value are always the first search's.
"""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

from benchmarks.mlflow_runs import MlflowRuns
from benchmarks.workload import NUM_WORKERS
from service.settings import inherited

ROOT = Path(__file__).resolve().parents[1]
SIDE_SECONDS = 3600.0


@dataclass(frozen=True)
class SideRun:
    """One search of one side.

    All from the start of the clock, ascending. `over_seconds`: when each trial was over for the side itself.
    `shown_seconds`: when MLflow showed so many terminated trial runs. `total_seconds`: when it showed all runs
    terminated (Ravine: the parent run too, and nothing was left to copy). `first_start_seconds`: when the first trial
    began. `in_training`: trials that trained side by side, the mean until the last one began. `warm`: a second search
    by what the first had started, on a clock of its own.
    """

    num_trials: int
    over_seconds: tuple[float, ...]
    shown_seconds: tuple[float, ...]
    total_seconds: float
    best_value: float
    num_epochs: int
    first_start_seconds: float
    in_training: float
    warm: Self | None = None

    @property
    def rate_once_started(self) -> float:
        """Trials per second from the start of the first one until all is shown."""
        return self.num_trials / (self.total_seconds - self.first_start_seconds)

    def marginal(self, *, low: int, high: int) -> float:
        """Trials per second from the end of the `low`-th trial until MLflow shows the `high`-th."""
        return (high - low) / (self.shown_seconds[high - 1] - self.over_seconds[low - 1])


@dataclass(frozen=True)
class Task:
    """What a side is told: a folder for all that it writes, a name in WORKS, a budget, a seed."""

    folder: Path
    work: str
    num_trials: int
    seed: int


Search: TypeAlias = Callable[[Task], SideRun]


@dataclass(frozen=True)
class Side:
    """One side: how it searches what, with how many trials, and after which of them the marginal rate begins.

    `parallel` is what it is asked for: trials in flight (Ravine's own choice is auto).
    """

    name: str
    search: Search
    num_trials: int
    marginal_low: int
    work: str = "short"
    parallel: int | Literal["auto"] = NUM_WORKERS

    def run(self, seed: int) -> SideRun:
        """Searches once, in a folder that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder:
            return self.search(Task(Path(folder), self.work, self.num_trials, seed))


def peer_search(command: tuple[str, ...], *, environment: Mapping[str, str] | None = None) -> Search:
    """A peer: a program that is done when its search is."""

    def search(task: Task) -> SideRun:
        began_at = time.time()
        done = subprocess.run(
            [*command, str(task.folder), "--trials", str(task.num_trials), "--seed", str(task.seed)],
            cwd=ROOT,
            env={**inherited(), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=SIDE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        runs = MlflowRuns(task.folder / "mlflow.db")
        spans = runs.spans()
        ended = tuple(sorted(end - began_at for _, end in spans))
        return SideRun(
            num_trials=len(ended),
            over_seconds=ended,
            shown_seconds=ended,
            total_seconds=ended[-1],
            best_value=runs.best_value(),
            num_epochs=runs.num_epochs(),
            first_start_seconds=spans[0][0] - began_at,
            in_training=side_by_side(spans),
        )

    return search


def optuna_search(work: str, *options: str) -> Search:
    """The hand-written Optuna script, in this environment."""
    return peer_search((sys.executable, "-m", "benchmarks.optuna_side", "--work", work, *options))


def ray_search(python: Path, *options: str) -> Search:
    """Ray Tune, in the environment of `python`. Without a token in its environment Ray would write one to the home."""
    environment = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return peer_search((str(python), "-m", "benchmarks.ray_side", *options), environment=environment)


def side_by_side(spans: Sequence[tuple[float, float]]) -> float:
    """How many (start, end) overlap, the mean between the first start and the last."""
    first, last = spans[0][0], max(start for start, _ in spans)
    return sum(min(end, last) - start for start, end in spans) / (last - first) if last > first else float(len(spans))
