"""How many of the steps that the slots of a worker make change weights, under ASHA with mixed batch sizes.

One engine whose source hands out ahead and answers late, as a service does, from the first hand-out to the last. See
RowSteps for what counts against it.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.asha_source import AshaSource, drawn
from benchmarks.bars import Bar
from benchmarks.counted_engine import CountedStacks
from benchmarks.training_process import assignment
from benchmarks.workload import WORKS, Asked, Work, spec_of
from sweeps.checks import check_spec
from sweeps.pruning import pruner_of
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.keeping import Keeping
from trainer.loop import EngineLoop
from trainer.pauses import AS_A_SERVICE

ASKED_PERCENT = 97.0
NUM_SLOTS = 16
LATENCY_SECONDS = 0.02
WIDTHS = {"short": 16, "short, cnn": 4}
"""By work: the width of its stacks. A convolutional one is always computed at full width."""


@dataclass(frozen=True)
class Form:
    """How many trials one worker is handed, and how often."""

    num_trials: int
    num_repeats: int


FULL = Form(num_trials=400, num_repeats=3)
QUICK = Form(num_trials=40, num_repeats=1)


def measure(form: Form, *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The shares of each run; the result is JSON-able."""
    measured = []
    for name in WIDTHS:
        for repeat in range(form.num_repeats):
            one = _measured(name, num_trials=form.num_trials, seed=seed + repeat)
            shares = ", ".join(f"{kind} {share:.1%}" for kind, share in one["shares"].items())
            say(f"{name}: {shares}")
            measured.append(one)
    return measured


def bars(measured: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for."""
    for name in WIDTHS:
        got = median(one["shares"]["changing"] for one in measured if one["work"] == name)
        yield Bar(f"row-steps that change weights, {name}", asked=ASKED_PERCENT, got=100 * got, unit="%")


def _measured(name: str, *, num_trials: int, seed: int) -> dict[str, Any]:
    work = WORKS[name]
    torch.set_num_threads(1)
    source = AshaSource(
        _assignments(work, width=WIDTHS[name], seed=seed),
        num_trials=num_trials,
        pruner=pruner_of(check_spec(spec_of(work, asked=Asked(num_trials, seed)))),
        slots=NUM_SLOTS,
        latency_seconds=LATENCY_SECONDS,
    )
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder:
        keeping = Keeping(source, checkpoints=CheckpointStore(Path(folder)))
        stacks = CountedStacks(torch.device("cpu"), ahead_seconds=AS_A_SERVICE.ahead_seconds, source=source)
        EngineLoop(source, slots=NUM_SLOTS, stacks=stacks, keeping=keeping, pauses=AS_A_SERVICE).run()
    return {
        "work": name,
        "seed": seed,
        "num_trials": num_trials,
        "num_slots": NUM_SLOTS,
        "width": WIDTHS[name],
        "latency_seconds": LATENCY_SECONDS,
        **source.row_steps.counts(),
        "shares": source.row_steps.shares(),
    }


def _assignments(work: Work, *, width: int, seed: int) -> Iterator[Assignment]:
    for number, settings in enumerate(drawn(work, seed=seed), start=1):
        yield assignment(number, work=work, settings=settings, engine="fused", width=width)
