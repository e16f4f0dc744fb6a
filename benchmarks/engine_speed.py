"""The engine alone, trial-steps per second: fused stacks beside bare eager loops and beside the serial engine.

Two single-threaded processes of each side, in turn. All of them make the data's order, evaluate after each epoch and
begin the next trial when one is over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.trainers import Trainers, trainers
from benchmarks.training_process import Engine, Order
from benchmarks.workload import NUM_WORKERS

ENGINES: tuple[Engine, ...] = ("eager", "serial", "fused")


@dataclass(frozen=True)
class Case:
    """A network at a batch size, and how many times the eager rate is asked for."""

    work: str
    batch_size: int
    asked: float


CASES = (
    Case("128-128", 32, 3.3),
    Case("128-128", 128, 1.5),
    Case("128-128", 256, 1.1),
    Case("10-16-1", 16, 30),
    Case("64-10", 16, 10),
)


@dataclass(frozen=True)
class Form:
    """How long each side trains, how often, and which widths of the fused stacks are tried first."""

    seconds: float
    num_repeats: int
    trial_seconds: float
    widths: tuple[int, ...]


FULL = Form(seconds=3, num_repeats=5, trial_seconds=1, widths=(8, 16, 32))
QUICK = Form(seconds=0.3, num_repeats=1, trial_seconds=0.2, widths=(32,))


def measure(form: Form, *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The cases; every second repeat has its sides in the opposite order. The result is JSON-able."""
    measured = []
    with trainers(NUM_WORKERS) as processes:
        for case in CASES:
            one = _case(case, form=form, seed=seed, processes=processes)
            medians = ", ".join(f"{engine} {rate:,.0f}" for engine, rate in one["medians"].items())
            say(f"{case.work}, batch {case.batch_size}: {medians} trial-steps/s; width {one['width']}")
            measured.append(one)
    return measured


def bars(measured: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for."""
    for one in measured:
        what = f"engine alone, {one['work']}, batch {one['batch_size']}: against two eager processes"
        yield Bar(what, asked=one["asked"], got=one["ratios"]["eager"])


def _case(case: Case, *, form: Form, seed: int, processes: Trainers) -> dict[str, Any]:
    order = Order("fused", case.work, case.batch_size, form.seconds, seed=seed)
    order = replace(order, width=_best_width(order, form=form, processes=processes))
    rates: dict[Engine, list[float]] = {engine: [] for engine in ENGINES}
    for repeat in range(form.num_repeats):
        for engine in ENGINES if repeat % 2 == 0 else reversed(ENGINES):
            told = replace(order, engine=engine, seed=seed + repeat, width=order.width if engine == "fused" else 1)
            rates[engine].append(processes.rate(told, num_processes=NUM_WORKERS))
    pairs = {engine: zip(rates["fused"], rates[engine], strict=True) for engine in ENGINES[:2]}
    return {
        **asdict(case),
        "width": order.width,
        "parallel": {"eager": NUM_WORKERS, "serial": NUM_WORKERS, "fused": NUM_WORKERS * order.width},
        "rates": rates,
        "medians": {engine: median(every) for engine, every in rates.items()},
        "ratios": {engine: median(one / other for one, other in both) for engine, both in pairs.items()},
    }


def _best_width(order: Order, *, form: Form, processes: Trainers) -> int:
    """The width at which the fused engine is fastest here, as its probe would choose one."""
    if len(form.widths) == 1:
        return form.widths[0]
    rates = {
        width: processes.rate(replace(order, width=width, seconds=form.trial_seconds), num_processes=NUM_WORKERS)
        for width in form.widths
    }
    return max(rates, key=lambda width: rates[width])
