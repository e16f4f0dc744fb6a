"""`python -m benchmarks`: measures Ravine beside its peers and by itself, and writes what came out.

The usual parts take about 40 minutes on two cores that do nothing else.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import (
    asking_cost,
    best_values,
    engine_speed,
    first_report,
    large_models,
    long_training,
    many_slots,
    recorder_cost,
    service_cost,
    throughput,
    useful_steps,
)
from benchmarks.circumstances import circumstances, on_two_cores
from benchmarks.written import markdown, write

RESULTS = Path(__file__).with_name("results")
USUAL_PARTS = (
    "service_cost",
    "recorder_cost",
    "asking_cost",
    "first_report",
    "engine_speed",
    "useful_steps",
    "large_models",
    "throughput",
    "long_training",
    "best_values",
)
PARTS = (*USUAL_PARTS, "many_slots")  # that takes half an hour, and its results have a folder of their own


def say(line: str) -> None:
    """Tells the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """The results of the parts that were asked for."""
    seed, rays = given.seed, given.peers_python

    def form(part: ModuleType) -> Any:
        return part.QUICK if given.quick else part.FULL

    def searches(form: Any) -> Any:
        return replace(form, parallel=given.parallel)

    parts: dict[str, Callable[[], Any]] = {
        "service_cost": lambda: service_cost.measure(form(service_cost), seed=seed, say=say),
        "recorder_cost": lambda: recorder_cost.measure(form(recorder_cost), say=say),
        "asking_cost": lambda: asking_cost.measure(asking_cost.COUNTS, seed=seed, say=say),
        "first_report": lambda: first_report.measure(form(first_report), seed=seed, say=say),
        "engine_speed": lambda: engine_speed.measure(form(engine_speed), seed=seed, say=say),
        "useful_steps": lambda: useful_steps.measure(form(useful_steps), seed=seed, say=say),
        "large_models": lambda: large_models.measure(form(large_models), seed=seed, say=say),
        "many_slots": lambda: many_slots.measure(form(many_slots), seed=seed, say=say),
        "throughput": lambda: throughput.measure(searches(form(throughput)), ray_python=rays, seed=seed, say=say),
        "long_training": lambda: long_training.measure(
            [searches(one) for one in form(long_training)], seed=seed, say=say
        ),
        "best_values": lambda: best_values.measure(searches(form(best_values)), ray_python=rays, seed=seed, say=say),
    }
    return {part: parts[part]() for part in PARTS if part in given.parts}


def in_flight(text: str) -> int | str:
    """A number of trials, or auto."""
    return text if text == "auto" else int(text)


def main() -> None:
    """The command line."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that what was started is stopped then too
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", dest="parts", nargs="+", choices=PARTS, default=USUAL_PARTS, help="what is measured")
    parser.add_argument("--quick", action="store_true", help="fewer trials and repeats; written only with --folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--parallel", type=in_flight, default="auto", help="trials that Ravine has in flight: auto, or 2"
    )
    parser.add_argument("--peers-python", type=Path, help="a Python that has Ray; without it Ray Tune is left out")
    parser.add_argument("--folder", type=Path, help=f"where results.json and results.md go (default: {RESULTS.name}/)")
    given = parser.parse_args()
    given.peers_python = given.peers_python and given.peers_python.absolute()
    on_two_cores()
    results = {"circumstances": circumstances(seed=given.seed, ray_python=given.peers_python), **measured(given)}
    folder = given.folder or (None if given.quick else RESULTS)
    if folder is not None:
        write(folder, results=results)
    say("\n" + markdown(results))


if __name__ == "__main__":
    main()
