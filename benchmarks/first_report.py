"""From the POST of a sweep to its first epoch report: cold, right after the service is ready, and warm."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.served import served
from benchmarks.workload import NUM_WORKERS, sweep_spec
from service.client import Client

NUM_TRIALS = 4
ASKED_SECONDS = {"warm": 1.0, "cold": 4.0}

FULL = (3, 5)
QUICK = (1, 3)


def measure(repeats: tuple[int, int], *, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds over so many cold services, with so many warm sweeps in each."""
    num_cold, num_warm = repeats
    cold, warm = [], []
    for repeat in range(num_cold):
        with (
            tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder,
            served(Path(folder) / "home", workers=NUM_WORKERS) as client,
        ):
            cold.append(_first_report(client, seed=seed + repeat))
            warm += [_first_report(client, seed=seed + number) for number in range(num_warm)]
        say(f"first report: cold {cold[-1]:.2f} s, warm {median(warm[-num_warm:]):.3f} s")
    return {
        "cold_seconds": cold,
        "warm_seconds": warm,
        "cold_median_seconds": median(cold),
        "warm_median_seconds": median(warm),
    }


def bars(measured: Mapping[str, Any]) -> Iterator[Bar]:
    """Beside what is asked for."""
    for kind, asked in ASKED_SECONDS.items():
        got = measured[f"{kind}_median_seconds"]
        yield Bar(f"POST to the first epoch report, {kind}", asked=asked, got=got, unit="s", at_most=True)


def _first_report(client: Client, *, seed: int) -> float:
    """Seconds until the event stream tells of an epoch; then waits for the end, so that the next finds free slots."""
    began_at = time.perf_counter()
    sweep_id = client.create_sweep(sweep_spec(num_trials=NUM_TRIALS, seed=seed)).id
    for event in client.events(sweep_id):
        if event.kind == "epoch":
            seconds = time.perf_counter() - began_at
            break
    else:
        raise RuntimeError(f"sweep {sweep_id} ended without an epoch")
    client.wait(sweep_id)
    _copied(client, sweep_id=sweep_id)
    return seconds


def _copied(client: Client, *, sweep_id: str) -> None:
    """Waits until MLflow has it all too: the next sweep shall not share the machine with the last one's rest."""
    while client.sweep(sweep_id).mlflow.pending:
        time.sleep(0.1)
