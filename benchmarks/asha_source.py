"""A source that judges by ASHA, hands out ahead and answers late, as a service does for one worker."""

import random
import time
from collections import deque
from collections.abc import Iterator

from benchmarks.row_steps import RowSteps
from benchmarks.workload import METRIC, WEIGHT_DECAY, SgdSettings, Work
from sweeps.pruning import Pruner
from trainer.config import Assignment
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote


def drawn(work: Work, *, seed: int) -> Iterator[SgdSettings]:
    """Endless settings, drawn at random from the space of a sweep."""
    dice = random.Random(seed)
    while True:
        yield SgdSettings(
            learning_rate=_on_log_scale(work.learning_rate, dice=dice),
            momentum=dice.uniform(*work.momentum),
            weight_decay=_on_log_scale(WEIGHT_DECAY, dice=dice),
            batch_size=dice.choice(work.batch_sizes),
        )


def _on_log_scale(bounds: tuple[float, float], *, dice: random.Random) -> float:
    low, high = bounds
    return float(low * (high / low) ** dice.random())


class AshaSource:
    """See trainer.source.Source. A worker has a quarter as many trials ahead as it has slots.

    Whatever is answered, and what takes the place of a trial that was begun, is there `latency_seconds` later.
    """

    def __init__(
        self, assignments: Iterator[Assignment], *, num_trials: int, pruner: Pruner, slots: int, latency_seconds: float
    ) -> None:
        self._assignments = assignments
        self._num_left = num_trials
        self._pruner = pruner
        self._latency_seconds = latency_seconds
        self._arriving = deque([0.0] * (slots + max(1, slots // 4)))  # when each trial ahead is there
        self._answers: deque[tuple[float, Answer]] = deque()
        self._stopped_after: dict[int, int] = {}
        self.row_steps = RowSteps(slots)

    def stopped_after(self, attempt: int) -> int | None:
        """The epoch that the STOP of an attempt speaks about."""
        return self._stopped_after.get(attempt)

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:
        """See Source."""
        taken: list[Assignment] = []
        if wait:
            self._await_something()
        while len(taken) < num_free and self._num_left and self._arriving[0] <= time.perf_counter():
            self._arriving.popleft()
            self._arriving.append(time.perf_counter() + self._latency_seconds)
            self._num_left -= 1
            taken.append(next(self._assignments))
        return taken

    def report(self, report: EpochReport) -> None:
        """See Source."""
        attempt, epoch = report.attempt, report.epoch
        verdict = self._pruner.report(attempt, epoch=epoch, value=report.metrics[METRIC])
        if report.last or attempt in self._stopped_after:
            verdict = Verdict.CONTINUE
        elif verdict is Verdict.STOP:
            self._stopped_after[attempt] = epoch
        self._answers.append(
            (time.perf_counter() + self._latency_seconds, Answer(attempt=attempt, epoch=epoch, verdict=verdict))
        )

    def answers(self) -> list[Answer]:
        """See Source."""
        arrived = []
        while self._answers and self._answers[0][0] <= time.perf_counter():
            arrived.append(self._answers.popleft()[1])
        return arrived

    def draining(self) -> bool:
        """See Source: what comes after the last hand-out is not counted."""
        return not self._num_left

    def exhausted(self) -> bool:
        """See Source."""
        return not self._num_left

    def started(self, attempt: int) -> None:
        """See Source."""

    def end(self, ending: Ending) -> None:
        """See Source. Raises RuntimeError for a training that failed."""
        if ending.state == "FAILED":
            raise RuntimeError(f"a training failed: {ending.traceback}")

    def checkpointed(self, note: CheckpointNote) -> None:
        """See Source."""

    def weights(self, note: WeightsNote) -> None:
        """See Source."""

    def beat(self, *, num_steps: int) -> None:
        """See Source."""

    def _await_something(self) -> None:
        first_answer_at = self._answers[0][0] if self._answers else self._arriving[0]
        time.sleep(max(0.0, min(self._arriving[0], first_answer_at) - time.perf_counter()))
