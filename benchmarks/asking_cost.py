"""What asking TPE and judging an epoch cost, at several lengths of the history: the scheduler alone, no service."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.workload import BATCH_SIZES, LEARNING_RATE, MOMENTUM, NUM_EPOCHS, WEIGHT_DECAY, sweep_spec
from sweeps.checks import check_spec
from sweeps.records import TrialRecord
from sweeps.scheduler import Scheduler
from sweeps.states import TrialState

COUNTS = (300, 1000, 5000, 10000)
NUM_ASKS = 30
ASKED_MS = 12.0


def measure(counts: Sequence[int], *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Milliseconds of an ask, of all verdicts on a trial and of a tell, after each of these numbers of trials."""
    costs = []
    for num_trials in counts:
        cost = _one(num_trials, seed=seed)
        ask_ms, verdicts_ms = cost["ask_ms"], cost["verdicts_ms"]
        say(f"after {num_trials} trials: TPE's ask {ask_ms:.2f} ms, {NUM_EPOCHS} verdicts {verdicts_ms:.3f} ms")
        costs.append(cost)
    return costs


def bars(costs: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for."""
    slowest = max(cost["ask_ms"] for cost in costs)
    yield Bar("TPE's ask, at any count of trials", asked=ASKED_MS, got=slowest, unit="ms", at_most=True)


def _one(num_trials: int, *, seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    records = [_record(number, dice=dice) for number in range(num_trials)]
    spec = check_spec(sweep_spec(num_trials=num_trials + NUM_ASKS, seed=seed))
    scheduler = Scheduler(spec, records=records, study_attrs={})
    rounds = [_round(scheduler, dice=dice) for _ in range(NUM_ASKS)]
    asks_ms, verdicts_ms, tells_ms = zip(*rounds, strict=True)
    return {
        "num_trials": num_trials,
        "ask_ms": median(asks_ms),
        "slowest_ask_ms": max(asks_ms),
        "verdicts_ms": median(verdicts_ms),
        "tell_ms": median(tells_ms),
        "slowest_tell_ms": max(tells_ms),
    }


def _round(scheduler: Scheduler, *, dice: random.Random) -> tuple[float, float, float]:
    """Milliseconds of asking for one trial, of the verdicts on all its epochs, and of telling how it ended."""
    asked_at = time.perf_counter()
    proposal = scheduler.propose()
    judged_at = time.perf_counter()
    assert proposal is not None
    values = {epoch: dice.random() for epoch in range(1, NUM_EPOCHS + 1)}
    for epoch, value in values.items():
        scheduler.report(proposal.number, epoch=epoch, value=value)
    told_at = time.perf_counter()
    scheduler.tell(proposal.number, state=TrialState.COMPLETED, values=values)
    ended_at = time.perf_counter()
    return 1000 * (judged_at - asked_at), 1000 * (told_at - judged_at), 1000 * (ended_at - told_at)


def _record(number: int, *, dice: random.Random) -> TrialRecord:
    """A trial of the past: one in three came to its end, the others were stopped after their first epoch."""
    completed = number % 3 == 0
    return TrialRecord(
        number=number,
        state=TrialState.COMPLETED if completed else TrialState.PRUNED,
        settings={
            "learning_rate": _on_log_scale(LEARNING_RATE, dice=dice),
            "momentum": dice.uniform(*MOMENTUM),
            "weight_decay": _on_log_scale(WEIGHT_DECAY, dice=dice),
            "batch_size": dice.choice(BATCH_SIZES),
        },
        values={epoch: dice.random() for epoch in range(1, NUM_EPOCHS + 1 if completed else 2)},
        tell_number=number,
    )


def _on_log_scale(bounds: tuple[float, float], *, dice: random.Random) -> float:
    low, high = bounds
    return min(high, max(low, math.exp(dice.uniform(math.log(low), math.log(high)))))
