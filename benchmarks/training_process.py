"""A process that trains as it is told, and says how many steps it made: bare loops of PyTorch, or an engine of Ravine.

`python -m benchmarks.training_process` reads an order a line (JSON, see Order), makes ready for it, says so, and begins
with the next line. Two of them at once are two cores at work; see trainers.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from benchmarks.eager_training import parts, train
from benchmarks.workload import WEIGHT_DECAY, WORKS, SgdSettings, Work
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.engine import train as engine_train
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote
from trainer.settings import settings_of

Engine: TypeAlias = Literal["eager", "serial", "fused"]

WARM_UP_SECONDS = 0.3


@dataclass(frozen=True)
class Order:
    """What is trained, and how long. `work` is a name in WORKS; `width`: rows of a fused stack."""

    engine: Engine
    work: str
    batch_size: int
    seconds: float
    seed: int = 0
    width: int = 1
    num_threads: int = 1


@dataclass(frozen=True)
class Trained:
    """Updates of single trials in whole epochs, and the seconds until the last of these epochs ended."""

    num_steps: int
    seconds: float
    num_trials: int

    @property
    def rate(self) -> float:
        """Trial-steps per second."""
        return self.num_steps / self.seconds


def trained(order: Order) -> Trained:
    """Trains trial after trial (or side by side) until the time is over."""
    torch.set_num_threads(order.num_threads)
    return _bare(order) if order.engine == "eager" else _by_engine(order)


def trials(work: Work, *, batch_size: int, seed: int) -> Iterator[SgdSettings]:
    """The settings of endless trials, the same for every engine."""
    dice = random.Random(seed)
    while True:
        yield SgdSettings(
            learning_rate=dice.uniform(*work.learning_rate),
            momentum=dice.uniform(*work.momentum),
            weight_decay=dice.uniform(*WEIGHT_DECAY),
            batch_size=batch_size,
        )


def steps_per_epoch(work: Work, *, batch_size: int) -> int:
    """The updates of one pass over the training part."""
    return -(-len(parts(work.data)[0].x) // batch_size)


def _bare(order: Order) -> Trained:
    work = WORKS[order.work]
    num_steps = steps_per_epoch(work, batch_size=order.batch_size)
    num_epochs, num_trials, seconds, began = 0, 0, 0.0, time.perf_counter()
    for settings in trials(work, batch_size=order.batch_size, seed=order.seed):
        num_trials += 1
        for _ in train(settings, work=work, seed=num_trials):
            num_epochs, seconds = num_epochs + 1, time.perf_counter() - began
            if seconds >= order.seconds:
                return Trained(num_epochs * num_steps, seconds, num_trials)
    raise AssertionError("there is always a further trial")


def _by_engine(order: Order) -> Trained:
    source = EndlessSource(order)
    with tempfile.TemporaryDirectory(prefix="ravine-bench-") as folder:
        files = CheckpointStore(Path(folder))
        engine_train(source, slots=order.width, device="cpu", checkpoints=files)
    num_steps = steps_per_epoch(WORKS[order.work], batch_size=order.batch_size)
    return Trained(source.num_epochs * num_steps, source.seconds, source.num_trials)


class EndlessSource:
    """A source that always has a further trial, until the time is over; every verdict is CONTINUE."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._trials = trials(WORKS[order.work], batch_size=order.batch_size, seed=order.seed)
        self._numbers = count(1)
        self._answers: list[Answer] = []
        self._began = time.perf_counter()
        self.num_epochs = self.num_trials = 0
        self.seconds = 0.0

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:  # noqa: ARG002
        """See Source."""
        self.num_trials += num_free
        return [self._assignment(next(self._numbers), settings=next(self._trials)) for _ in range(num_free)]

    def report(self, report: EpochReport) -> None:
        """See Source."""
        self.num_epochs, self.seconds = self.num_epochs + 1, time.perf_counter() - self._began
        self._answers.append(Answer(attempt=report.attempt, epoch=report.epoch, verdict=Verdict.CONTINUE))

    def answers(self) -> list[Answer]:
        """See Source."""
        arrived, self._answers = self._answers, []
        return arrived

    def draining(self) -> bool:
        """See Source."""
        return time.perf_counter() - self._began >= self._order.seconds and self.num_epochs > 0

    def exhausted(self) -> bool:
        """See Source."""
        return False

    def started(self, attempt: int) -> None:
        """See Source."""

    def end(self, ending: Ending) -> None:
        """See Source."""
        raise RuntimeError(f"a training ended: {ending}")

    def checkpointed(self, note: CheckpointNote) -> None:
        """See Source."""

    def weights(self, note: WeightsNote) -> None:
        """See Source."""

    def beat(self, *, num_steps: int) -> None:
        """See Source."""

    def _assignment(self, number: int, *, settings: SgdSettings) -> Assignment:
        order, work = self._order, WORKS[self._order.work]
        return assignment(
            number,
            work=work,
            settings=settings,
            engine="fused" if order.engine == "fused" else "serial",
            width=order.width,
        )


def assignment(
    number: int, *, work: Work, settings: Mapping[str, Any], engine: Literal["serial", "fused"], width: int
) -> Assignment:
    """An attempt at a trial of this work, as an engine is handed it."""
    return Assignment(
        attempt=number,
        sweep="benchmark",
        trial=number,
        problem=ProblemConfig.model_validate({"dataset": work.data, "model": work.model}),
        settings=settings_of(settings),
        epochs=work.num_epochs,
        seed=number,
        metric=MetricConfig() if work.data != "diabetes" else MetricConfig(name="val_r2"),
        engine=engine,
        width=width,
    )


def main() -> None:
    """Obeys until nothing more is said."""
    for line in sys.stdin:
        told = json.loads(line)
        trained(Order(**(told | {"seconds": min(WARM_UP_SECONDS, told["seconds"])})))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        sys.stdout.write(json.dumps(asdict(trained(Order(**told)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
