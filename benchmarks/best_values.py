"""The best values that Ravine and its peers find, over several seeds: Ravine's must not be lower.

The test: the lower end of Welch's 95% interval of the difference of the means, Ravine less peer, is above minus one of
the 360 validation examples. Each seed is a search of its own on every side. The two forms of the script search alike,
and so do the two of Ray Tune: the faster one stands for both. Ravine's is that of the sweep whose rate is quoted, the
second one of its service.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.bars import Bar
from benchmarks.intervals import difference
from benchmarks.ravine_side import ravine_search
from benchmarks.sides import Side, optuna_search, ray_search
from benchmarks.throughput import ONE_BATCH, RAVINE, RAY_REUSING

NUM_VALIDATION_EXAMPLES = 360


@dataclass(frozen=True)
class Form:
    """How many seeds, and the trials of each search; against Ray Tune both sides make fewer."""

    num_seeds: int
    num_trials: int
    num_ray_trials: int
    parallel: int | Literal["auto"] = "auto"


FULL = Form(num_seeds=8, num_trials=300, num_ray_trials=60)
QUICK = Form(num_seeds=2, num_trials=12, num_ray_trials=6)


def measure(form: Form, *, ray_python: Path | None, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """By peer; without a Python that has Ray, Ray Tune is left out. The result is JSON-able."""
    peers = {ONE_BATCH: (optuna_search("short", "--one-batch"), form.num_trials)}
    if ray_python is not None:
        peers[RAY_REUSING] = (ray_search(ray_python, "--reuse-actors"), form.num_ray_trials)
    measured = []
    for name, (search, num_trials) in peers.items():
        ours = Side(
            RAVINE,
            ravine_search(form.parallel, warm_too=True),
            num_trials=num_trials,
            marginal_low=0,
            parallel=form.parallel,
        )
        theirs = Side(name, search, num_trials=num_trials, marginal_low=0)
        one = _against(theirs, ours=ours, seeds=range(seed, seed + form.num_seeds))
        found = one["difference"]
        say(f"best value against {name}: {found['mean']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})")
        measured.append(one)
    return measured


def bars(measured: list[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for, in validation examples."""
    for one in measured:
        what = f"best value less that of {one['peer']}, {len(one['ravine'])} seeds: the lower end of the interval"
        yield Bar(what, asked=-1.0, got=one["difference"]["low"] * NUM_VALIDATION_EXAMPLES, unit="examples")


def _against(theirs: Side, *, ours: Side, seeds: range) -> dict[str, Any]:
    """Both sides in turn, every second seed in the opposite order."""
    best: dict[str, list[float]] = {ours.name: [], theirs.name: []}
    for number, seed in enumerate(seeds):
        for side in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            run = side.run(seed)
            best[side.name].append((run.warm or run).best_value)
    return {
        "peer": theirs.name,
        "num_trials": ours.num_trials,
        "parallel": [ours.parallel, theirs.parallel],
        "seeds": list(seeds),
        "ravine": best[ours.name],
        "theirs": best[theirs.name],
        "difference": asdict(difference(best[ours.name], theirs=best[theirs.name])),
    }
