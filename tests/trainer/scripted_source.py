"""A source with a script: what it hands out, what it answers and how late, and when it drains."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from trainer.config import Assignment
from trainer.group import EngineName
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote

Said: TypeAlias = EpochReport | Ending | CheckpointNote | WeightsNote | Answer
Judge: TypeAlias = Callable[[EpochReport], Answer]


def go_on(report: EpochReport) -> Answer:
    """CONTINUE, without wish for weights."""
    return Answer(attempt=report.attempt, epoch=report.epoch, verdict=Verdict.CONTINUE)


def keep_weights(report: EpochReport) -> Answer:
    """CONTINUE, and keep the weights of every trial."""
    return Answer(attempt=report.attempt, epoch=report.epoch, verdict=Verdict.CONTINUE, keep=report.last)


def verdict_at(epoch: int, verdict: Verdict) -> Judge:
    """That verdict on that epoch's report, CONTINUE on all others."""

    def judge(report: EpochReport) -> Answer:
        return Answer(
            attempt=report.attempt,
            epoch=report.epoch,
            verdict=verdict if report.epoch == epoch else Verdict.CONTINUE,
            keep=report.last,
        )

    return judge


@dataclass
class ScriptedSource:
    """Hands out `assignments` in order; `said` is all that was said, by both sides, in order.

    An answer by `judge` arrives at the `lag_polls`-th look for answers after its report; `unasked` holds answers that
    come without a report at the given look (from 1). It drains from the `drain_at`-th question on.
    """

    assignments: Sequence[Assignment]
    judge: Judge = go_on
    lag_polls: int = 1
    unasked: dict[int, Answer] = field(default_factory=dict)
    drain_at: int | None = None
    said: list[Said] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    _queue: deque[Assignment] = field(init=False)
    _due: list[tuple[int, Answer]] = field(default_factory=list)
    _num_polls: int = 0
    _num_drain_questions: int = 0

    def __post_init__(self) -> None:
        self._queue = deque(self.assignments)
        self._due = list(self.unasked.items())

    def assign(self, *, engine: EngineName, width: int) -> None:
        """From now on this engine trains what is handed out."""
        self._queue = deque(
            assignment.model_copy(update={"engine": engine, "width": width}) for assignment in self._queue
        )

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:
        """What is next; with nothing left and `wait`, time jumps to the next answer."""
        taken = [self._queue.popleft() for _ in range(min(num_free, len(self._queue)))]
        if not taken and wait and self._due:
            self._num_polls = max(self._num_polls, min(poll for poll, _ in self._due) - 1)
        return taken

    def started(self, attempt: int) -> None:
        self.starts.append(attempt)

    def report(self, report: EpochReport) -> None:
        self.said.append(report)
        self._due.append((self._num_polls + self.lag_polls, self.judge(report)))

    def end(self, ending: Ending) -> None:
        self.said.append(ending)

    def checkpointed(self, note: CheckpointNote) -> None:
        self.said.append(note)

    def weights(self, note: WeightsNote) -> None:
        self.said.append(note)

    def answers(self) -> list[Answer]:
        self._num_polls += 1
        arrived = [answer for poll, answer in self._due if poll <= self._num_polls]
        self._due = [(poll, answer) for poll, answer in self._due if poll > self._num_polls]
        self.said.extend(arrived)
        return arrived

    def beat(self, *, num_steps: int) -> None:
        self.beats.append(num_steps)

    def draining(self) -> bool:
        self._num_drain_questions += 1
        return self.drain_at is not None and self._num_drain_questions >= self.drain_at

    def exhausted(self) -> bool:
        return not self._queue

    def reports(self, attempt: int = 1) -> list[EpochReport]:
        """The epoch reports of an attempt."""
        return [said for said in self.said if isinstance(said, EpochReport) and said.attempt == attempt]

    def endings(self) -> list[Ending]:
        """All endings."""
        return [said for said in self.said if isinstance(said, Ending)]

    def notes(self) -> list[CheckpointNote]:
        """All notes of checkpoints."""
        return [said for said in self.said if isinstance(said, CheckpointNote)]

    def kept(self) -> list[WeightsNote]:
        """All notes of weights."""
        return [said for said in self.said if isinstance(said, WeightsNote)]
