"""The sides of the comparison: each searches the same problem from nothing and is seen through its MLflow database.

The clock of a side starts just before its first process. MLflow shows the n-th trial when it has n terminated runs:
for Ravine the moment at which a look at the database saw them, which is late; for the peers the end time that their own
client wrote with the termination, which is early.

The marginal rate between two trials begins when the first was over for the side itself and ends when MLflow shows the
second. The peers wait for MLflow, so that the two are one. Ravine does not: had its rate begun with what MLflow shows,
the recorder catching up after its start would pass for speed. So all that MLflow lags behind counts against Ravine.
"""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.mlflow_runs import MlflowRuns
from benchmarks.served import served
from benchmarks.workload import NUM_WORKERS, sweep_spec
from service.client import Client
from service.settings import inherited
from sweeps.states import SweepState

ROOT = Path(__file__).resolve().parents[1]
SIDE_SECONDS = 3600.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class SideRun:
    """One search of one side.

    All from the start of the clock, ascending. `over_seconds`: when each trial was over for the side itself.
    `shown_seconds`: when MLflow showed so many terminated trial runs. `total_seconds`: when it showed all runs
    terminated (Ravine: the parent run too, and nothing was left to copy).
    """

    num_trials: int
    over_seconds: tuple[float, ...]
    shown_seconds: tuple[float, ...]
    total_seconds: float
    best_value: float
    num_epochs: int

    def marginal(self, *, low: int, high: int) -> float:
        """Trials per second from the end of the `low`-th trial until MLflow shows the `high`-th."""
        return (high - low) / (self.shown_seconds[high - 1] - self.over_seconds[low - 1])


@dataclass(frozen=True)
class Task:
    """What a side is told: a folder for all that it writes, a budget, a seed."""

    folder: Path
    num_trials: int
    seed: int


Search: TypeAlias = Callable[[Task], SideRun]


@dataclass(frozen=True)
class Side:
    """One side: how it searches, with how many trials, and after which of them the marginal rate begins."""

    name: str
    search: Search
    num_trials: int
    marginal_low: int
    parallel: int = NUM_WORKERS

    def run(self, seed: int) -> SideRun:
        """Searches once, in a folder that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder:
            return self.search(Task(Path(folder), self.num_trials, seed))


def ravine_search(task: Task) -> SideRun:
    """Ravine through REST: a service that starts from nothing, one sweep."""
    home = task.folder / "home"
    began_at = time.time()
    with served(home, workers=NUM_WORKERS) as client:
        sweep_id = client.create_sweep(sweep_spec(num_trials=task.num_trials, seed=task.seed)).id
        runs = MlflowRuns(home / "mlflow" / "mlflow.db")
        seen = _watch(runs, num_runs=task.num_trials + 1)  # the parent run too
        total_seconds = _all_copied(client, sweep_id=sweep_id) - began_at
        over = sorted(trial.ended_at.timestamp() for trial in client.trials(sweep_id) if trial.ended_at is not None)
        return SideRun(
            num_trials=len(over),
            over_seconds=tuple(at - began_at for at in over),
            shown_seconds=tuple(at - began_at for at in seen[: task.num_trials]),
            total_seconds=total_seconds,
            best_value=runs.best_value(),
            num_epochs=runs.num_epochs(),
        )


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
        ended = tuple(at - began_at for at in runs.end_times())
        return SideRun(
            num_trials=len(ended),
            over_seconds=ended,
            shown_seconds=ended,
            total_seconds=ended[-1],
            best_value=runs.best_value(),
            num_epochs=runs.num_epochs(),
        )

    return search


def optuna_search(*options: str) -> Search:
    """The hand-written Optuna script, in this environment."""
    return peer_search((sys.executable, "-m", "benchmarks.optuna_side", *options))


def ray_search(python: Path, *options: str) -> Search:
    """Ray Tune, in the environment of `python`. Without a token in its environment Ray would write one to the home."""
    environment = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return peer_search((str(python), "-m", "benchmarks.ray_side", *options), environment=environment)


def _watch(runs: MlflowRuns, *, num_runs: int) -> list[float]:
    """When (seconds since 1970) the first, second, ... terminated run was seen."""
    seen: list[float] = []
    deadline = time.monotonic() + SIDE_SECONDS
    while len(seen) < num_runs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"MLflow shows {len(seen)} of {num_runs} terminated runs")
        seen += [time.time()] * (runs.num_ended() - len(seen))
        time.sleep(LOOK_SECONDS)
    return seen


def _all_copied(client: Client, *, sweep_id: str) -> float:
    """When nothing was left to copy."""
    while (sweep := client.sweep(sweep_id)).mlflow.pending:
        time.sleep(LOOK_SECONDS)
    if sweep.state is not SweepState.COMPLETED:
        raise RuntimeError(f"the sweep ended {sweep.state}: {sweep.reason}")
    return time.time()
