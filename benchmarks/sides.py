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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.mlflow_runs import MlflowRuns
from benchmarks.served import served
from benchmarks.workload import NUM_WORKERS, WORKS, Asked, spec_of
from service.client import Client
from service.schemas import TrialAnswer
from service.settings import inherited
from sweeps.states import SweepState

ROOT = Path(__file__).resolve().parents[1]
SIDE_SECONDS = 3600.0
LOOK_SECONDS = 0.02
CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class SideRun:
    """One search of one side.

    All from the start of the clock, ascending. `over_seconds`: when each trial was over for the side itself.
    `shown_seconds`: when MLflow showed so many terminated trial runs. `total_seconds`: when it showed all runs
    terminated (Ravine: the parent run too, and nothing was left to copy). `first_start_seconds`: when the first trial
    began. `in_training`: trials that trained side by side, the mean until the last one began.
    """

    num_trials: int
    over_seconds: tuple[float, ...]
    shown_seconds: tuple[float, ...]
    total_seconds: float
    best_value: float
    num_epochs: int
    first_start_seconds: float
    in_training: float

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


def ravine_search(parallel: int | Literal["auto"]) -> Search:
    """Ravine through REST, with so many trials in flight."""
    return lambda task: _ravine(task, parallel=parallel)


def _ravine(task: Task, *, parallel: int | Literal["auto"]) -> SideRun:
    """A service that starts from nothing, one sweep."""
    home = task.folder / "home"
    spec = spec_of(WORKS[task.work], asked=Asked(task.num_trials, task.seed, parallel=parallel))
    began_at = time.time()
    with served(home, workers=NUM_WORKERS) as client:
        sweep_id = client.create_sweep(spec).id
        runs = MlflowRuns(home / "mlflow" / "mlflow.db")
        seen = _watch(runs, num_runs=task.num_trials + 1, check=lambda: _check(client, sweep_id=sweep_id))
        total_seconds = _all_copied(client, sweep_id=sweep_id) - began_at
        spans = sorted(_spans(client.trials(sweep_id)))
        over = sorted(end for _, end in spans)
        return SideRun(
            num_trials=len(over),
            over_seconds=tuple(at - began_at for at in over),
            shown_seconds=tuple(at - began_at for at in seen[: task.num_trials]),
            total_seconds=total_seconds,
            best_value=runs.best_value(),
            num_epochs=runs.num_epochs(),
            first_start_seconds=spans[0][0] - began_at,
            in_training=side_by_side(spans),
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


def _spans(trials: Iterable[TrialAnswer]) -> Iterator[tuple[float, float]]:
    """Start and end of each, in seconds since 1970."""
    for trial in trials:
        if trial.started_at is not None and trial.ended_at is not None:
            yield trial.started_at.timestamp(), trial.ended_at.timestamp()


def _watch(runs: MlflowRuns, *, num_runs: int, check: Callable[[], None]) -> list[float]:
    """When (seconds since 1970) the first, second, ... terminated run was seen; the sweep's own run is one of them."""
    seen: list[float] = []
    checked_at = began_at = time.monotonic()
    while len(seen) < num_runs:
        seen += [time.time()] * (runs.num_ended() - len(seen))
        time.sleep(LOOK_SECONDS)
        if time.monotonic() > began_at + SIDE_SECONDS:
            raise TimeoutError(f"MLflow shows {len(seen)} of {num_runs} terminated runs")
        if time.monotonic() > checked_at + CHECK_SECONDS:
            check()
            checked_at = time.monotonic()
    return seen


def _check(client: Client, *, sweep_id: str) -> None:
    """Raises RuntimeError where the sweep has failed."""
    sweep = client.sweep(sweep_id)
    if sweep.state is SweepState.FAILED:
        raise RuntimeError(f"the sweep failed: {sweep.reason}")


def _all_copied(client: Client, *, sweep_id: str) -> float:
    """When nothing was left to copy."""
    while (sweep := client.sweep(sweep_id)).mlflow.pending:
        time.sleep(LOOK_SECONDS)
    if sweep.state is not SweepState.COMPLETED:
        raise RuntimeError(f"the sweep ended {sweep.state}: {sweep.reason}")
    return time.time()
