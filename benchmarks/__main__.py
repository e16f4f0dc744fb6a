"""`python -m benchmarks`: measures Ravine beside its peers and by itself, and writes what came out."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import asking_cost, first_report, many_slots, service_cost, throughput
from benchmarks.circumstances import circumstances, on_two_cores
from benchmarks.written import markdown, write

RESULTS = Path(__file__).with_name("results")
USUAL_PARTS = ("service_cost", "asking_cost", "first_report", "throughput")
PARTS = (*USUAL_PARTS, "many_slots")  # that takes half an hour, and its results have a folder of their own


def say(line: str) -> None:
    """Tells the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """The results of the parts that were asked for."""
    quick, seed = given.quick, given.seed
    form = throughput.QUICK if quick else throughput.FULL
    counts = service_cost.QUICK if quick else service_cost.FULL
    parts: dict[str, Callable[[], Any]] = {
        "service_cost": lambda: service_cost.measure(counts, seed=seed, say=say),
        "asking_cost": lambda: asking_cost.measure(asking_cost.COUNTS, seed=seed, say=say),
        "first_report": lambda: first_report.measure(
            first_report.QUICK if quick else first_report.FULL, seed=seed, say=say
        ),
        "many_slots": lambda: many_slots.measure(many_slots.QUICK if quick else many_slots.FULL, seed=seed, say=say),
        "throughput": lambda: throughput.measure(form, ray_python=given.peers_python, seed=seed, say=say),
    }
    return {part: parts[part]() for part in PARTS if part in given.parts}


def main() -> None:
    """The command line."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that what was started is stopped then too
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", dest="parts", nargs="+", choices=PARTS, default=USUAL_PARTS, help="what is measured")
    parser.add_argument("--quick", action="store_true", help="fewer trials and repeats; written only with --folder")
    parser.add_argument("--seed", type=int, default=0)
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
