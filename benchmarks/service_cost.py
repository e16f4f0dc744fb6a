"""What a trial costs the service: sweeps of trials that train nothing, through real workers and real HTTP."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.served import served
from benchmarks.workload import NUM_EPOCHS, NUM_WORKERS, sweep_spec
from service.client import Client
from service.settings import with_variables
from sweeps.states import SweepState

NOOP_CHILD = Path(__file__).with_name("noop_child.py")
NUM_WARM_UP_TRIALS = 20
WARM_UP_SECONDS = 60.0
STOP_SECONDS = 10.0
ASKED_MS = 5.0
FEW_AND_MANY = (1000, 10000)

FULL = ((100, 1), (1000, 3), (10000, 1))
QUICK = ((100, 1), (1000, 1))


@dataclass(frozen=True)
class Cost:
    """One sweep: wall time from the POST to the moment at which the service noted its end, by trials."""

    num_trials: int
    num_workers: int
    num_epochs: int
    seconds: float
    ms_per_trial: float


def measure(counts: Sequence[tuple[int, int]], *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The cost at each of these numbers of trials, as often as they say, each in a service of its own."""
    costs: list[dict[str, Any]] = []
    for num_trials, num_repeats in counts:
        for repeat in range(num_repeats):
            cost = _one(num_trials, seed=seed + repeat)
            say(f"{cost.num_trials} no-op trials: {cost.ms_per_trial:.2f} ms a trial")
            costs.append(asdict(cost))
    return costs


def bars(costs: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for; that of many trials hangs on what fewer cost."""
    few, many = (
        [cost["ms_per_trial"] for cost in costs if cost["num_trials"] == num_trials] for num_trials in FEW_AND_MANY
    )
    what = "service cost of a trial"
    if few:
        yield Bar(f"{what}, {FEW_AND_MANY[0]:,} trials", asked=ASKED_MS, got=median(few), unit="ms", at_most=True)
    if few and many:
        asked = 2 * median(few)
        yield Bar(f"{what}, {FEW_AND_MANY[1]:,} trials", asked=asked, got=median(many), unit="ms", at_most=True)


def noop_spec(*, num_trials: int, seed: int) -> dict[str, Any]:
    """A sweep that draws at random and stops nothing: what it costs is the service's."""
    spec = sweep_spec(num_trials=num_trials, seed=seed)
    return spec | {"sampler": {"kind": "random", "seed": seed}, "pruner": {"kind": "none"}}


def _one(num_trials: int, *, seed: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        client = stack.enter_context(served(home, recorder="false", executor="external"))
        for _ in range(NUM_WORKERS):
            stack.enter_context(_noop_worker(home, url=client.url))
        _warm_up(client, seed=seed)
        return _timed(client, num_trials=num_trials, seed=seed)


def _warm_up(client: Client, *, seed: int) -> None:
    """Sweeps until every worker has had a trial: both are there and warm. Raises TimeoutError."""
    seen: set[str | None] = set()
    deadline = time.monotonic() + WARM_UP_SECONDS
    while len(seen) < NUM_WORKERS:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {len(seen)} of {NUM_WORKERS} workers had a trial")
        sweep = client.create_sweep(noop_spec(num_trials=NUM_WARM_UP_TRIALS, seed=seed))
        client.wait(sweep.id)
        seen |= {trial.worker for trial in client.trials(sweep.id)}


def _timed(client: Client, *, num_trials: int, seed: int) -> Cost:
    began_at = time.time()
    sweep = client.wait(client.create_sweep(noop_spec(num_trials=num_trials, seed=seed)).id)
    if sweep.state is not SweepState.COMPLETED or sweep.ended_at is None:
        raise RuntimeError(f"the sweep ended {sweep.state}: {sweep.reason}")
    seconds = sweep.ended_at.timestamp() - began_at
    trials = list(client.trials(sweep.id))
    assert {trial.num_epochs for trial in trials} == {NUM_EPOCHS}
    return Cost(
        num_trials=len(trials),
        num_workers=len({trial.worker for trial in trials}),
        num_epochs=sum(trial.num_epochs for trial in trials),
        seconds=seconds,
        ms_per_trial=1000 * seconds / num_trials,
    )


@contextmanager
def _noop_worker(home: Path, *, url: str) -> Iterator[None]:
    """A real worker parent with a child that trains nothing."""
    command = [sys.executable, "-m", "service.worker", "--child", sys.executable, str(NOOP_CHILD)]
    with (home.parent / "workers.log").open("ab") as log:
        process = subprocess.Popen(command, env=with_variables(home=home, url=url), stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS)
