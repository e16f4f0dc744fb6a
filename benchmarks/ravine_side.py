"""Our side: a service that starts from nothing for one sweep and, where asked, is given a second one once it is warm.

The first sweep says what the whole costs from nothing. For as long as it lasts much besides it goes on: MLflow's server
starts (seconds of a core), the workers' children import torch, one after the other. The second sweep, with a seed of
its own, begins when nothing of the first is left to copy and MLflow's server answers: its rates say what a further
trial costs. It chooses its engines anew: only processes are warm. The peers' rates need no second search: all that
theirs starts is started, and has done some trials, when their rates begin.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx

from benchmarks.mlflow_runs import MlflowRuns
from benchmarks.served import served
from benchmarks.sides import SIDE_SECONDS, Search, SideRun, Task, side_by_side
from benchmarks.workload import NUM_WORKERS, WORKS, Asked, spec_of
from service.client import Client
from service.schemas import TrialAnswer
from service.supervision.addresses import Addresses
from sweeps.states import SweepState

LOOK_SECONDS = 0.02
CHECK_SECONDS = 5.0
WARM_SEED = 1000
"""How far the second sweep's seed is from the first one's."""


def ravine_search(parallel: int | Literal["auto"], *, warm_too: bool = False) -> Search:
    """Ravine through REST, with so many trials in flight; `warm_too`: a second sweep follows in the same service."""

    def search(task: Task) -> SideRun:
        home = task.folder / "home"
        began_at = time.time()
        with served(home, workers=NUM_WORKERS) as client:
            sweeps = _Sweeps(client, home=home, work=task.work, num_trials=task.num_trials, parallel=parallel)
            first = sweeps.run(task.seed, began_at=began_at)
            if not warm_too:
                return first
            await_mlflow(home)
            return replace(first, warm=sweeps.run(task.seed + WARM_SEED, began_at=time.time()))

    return search


@dataclass(frozen=True)
class _Sweeps:
    """Sweeps of one service that differ in their seeds."""

    client: Client
    home: Path
    work: str
    num_trials: int
    parallel: int | Literal["auto"]

    def run(self, seed: int, *, began_at: float) -> SideRun:
        """One sweep until nothing of it is left to copy; its clock began at `began_at`, in seconds since 1970."""
        spec = spec_of(WORKS[self.work], asked=Asked(self.num_trials, seed, parallel=self.parallel))
        sweep_id = self.client.create_sweep(spec).id
        runs = MlflowRuns(self.home / "mlflow" / "mlflow.db", sweep_id=sweep_id)
        seen = _watch(runs, num_runs=self.num_trials + 1, check=lambda: _check(self.client, sweep_id=sweep_id))
        total_seconds = _all_copied(self.client, sweep_id=sweep_id) - began_at
        spans = sorted(_spans(self.client.trials(sweep_id)))
        over = sorted(end for _, end in spans)
        return SideRun(
            num_trials=len(over),
            over_seconds=tuple(at - began_at for at in over),
            shown_seconds=(*(at - began_at for at in seen[: self.num_trials - 1]), total_seconds),
            total_seconds=total_seconds,
            best_value=runs.best_value(),
            num_epochs=runs.num_epochs(),
            first_start_seconds=spans[0][0] - began_at,
            in_training=side_by_side(spans),
        )


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


def await_mlflow(home: Path) -> None:
    """Until MLflow's server answers. Raises TimeoutError."""
    noted = Addresses.of(home)
    assert noted is not None
    began_at = time.monotonic()
    while not _answers(f"{noted.mlflow}/health"):
        time.sleep(LOOK_SECONDS)
        if time.monotonic() > began_at + SIDE_SECONDS:
            raise TimeoutError("MLflow's server does not answer")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
