"""Models so large that training dominates: a whole sweep of Ravine beside bare loops on all cores.

Both in trial-steps per second while both cores work. Ravine's count from the first epoch report of a sweep to the start
of its last trial, with verdicts and the copying to MLflow going on, in a service that has had a sweep before and whose
MLflow answers; those of the loops by the clock. The loops are two processes of one thread, or one of two threads,
whichever is faster.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.images import written_images
from benchmarks.ravine_side import await_mlflow
from benchmarks.served import served
from benchmarks.trainers import Trainers, trainers
from benchmarks.training_process import Order, steps_per_epoch
from benchmarks.workload import NUM_WORKERS, WORKS, Asked, Work, spec_of
from service.client import Client

ASKED = 0.98
WORK_NAMES = ("1024-1024", "cnn")


@dataclass(frozen=True)
class Form:
    """How many trials Ravine trains, how long the loops train, and how often."""

    num_trials: int
    seconds: float
    num_repeats: int
    work_names: tuple[str, ...] = WORK_NAMES


NUM_WARM_UP_TRIALS = 2

FULL = Form(num_trials=20, seconds=12, num_repeats=3)
QUICK = Form(num_trials=4, seconds=1, num_repeats=1, work_names=("1024-1024",))


def measure(form: Form, *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Each model, the sides in turn; the result is JSON-able."""
    measured = []
    for name in form.work_names:
        one = _measured(name, form=form, seed=seed)
        say(f"{name}: Ravine {one['ravine']:.1f}, bare loops {one['bare']:.1f} trial-steps/s, {one['ratio']:.3f}")
        measured.append(one)
    return measured


def bars(measured: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for."""
    for one in measured:
        yield Bar(f"where training dominates, {one['work']}: against bare loops", asked=ASKED, got=one["ratio"])


def _measured(name: str, *, form: Form, seed: int) -> dict[str, Any]:
    pairs = []
    with trainers(NUM_WORKERS) as processes:
        for repeat in range(form.num_repeats):
            order = Order("eager", name, WORKS[name].batch_sizes[0], form.seconds, seed=seed + repeat)
            first = _bare(order, processes=processes) if repeat % 2 else None
            ravine = _ravine(WORKS[name], asked=Asked(form.num_trials, seed + repeat))
            pairs.append((ravine, first or _bare(order, processes=processes)))
    ravines, bares = [ravine for ravine, _ in pairs], [max(bare.values()) for _, bare in pairs]
    return {
        "work": name,
        "parallel": NUM_WORKERS,
        "each": [{"ravine": ravine, **bare} for ravine, bare in pairs],
        "ravine": median(ravines),
        "bare": median(bares),
        "ratio": median(one / other for one, other in zip(ravines, bares, strict=True)),
    }


def _bare(order: Order, *, processes: Trainers) -> dict[str, float]:
    """Trial-steps per second, by how the cores are shared out."""
    of_two_threads = Order(**(vars(order) | {"num_threads": NUM_WORKERS}))
    return {
        "two_processes": processes.rate(order, num_processes=NUM_WORKERS),
        "two_threads": processes.rate(of_two_threads, num_processes=1),
    }


def _ravine(work: Work, *, asked: Asked) -> float:
    """Trial-steps per second of a sweep."""
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder:
        home = Path(folder) / "home"
        with served(home, workers=NUM_WORKERS) as client:
            if work.data == "images":
                client.add_dataset(written_images(Path(folder)), name=work.data)
            warm_up = Asked(NUM_WARM_UP_TRIALS, asked.seed)
            client.wait(client.create_sweep(spec_of(work, asked=warm_up)).id)
            await_mlflow(home)
            return _steps_per_second(client, sweep_id=client.create_sweep(spec_of(work, asked=asked)).id, work=work)


def _steps_per_second(client: Client, *, sweep_id: str, work: Work) -> float:
    """What was under way when the first report came has steps from before it: its first epoch does not count."""
    client.wait(sweep_id)
    trials = list(client.trials(sweep_id))
    epochs = [epoch for trial in trials for epoch in client.epochs(sweep_id, number=trial.number)]
    starts = [trial.started_at for trial in trials if trial.started_at is not None]
    first, last = min(epoch.at for epoch in epochs), max(starts)
    num_under_way = sum(start <= first for start in starts)
    num_epochs = sum(epoch.at <= last for epoch in epochs) - num_under_way
    return num_epochs * steps_per_epoch(work, batch_size=work.batch_sizes[0]) / (last - first).total_seconds()
