"""Rows of a fused stack in all kinds of company, and what was seen of each: it must be what is seen of it alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.data.datasets import Part
from trainer.fused.stack import FusedStack
from trainer.problem import Problem, build_problem
from trainer.settings import Settings
from trainer.stack import Stack
from trainer.state import State
from trainer.training import Progress, Training

CPU = torch.device("cpu")
NO_FILES = CheckpointStore(Path("there is none"))
LOSS = MetricConfig(name="val_loss", goal="minimize")

Standing: TypeAlias = tuple[object, ...]
"""All of where a row stands, to be compared to the last bit."""


def row_of(problem: ProblemConfig, *, settings: Settings, attempt: int, epochs: int = 3) -> Assignment:
    """An assignment that searches on the held-out loss; its seed follows from its number."""
    return Assignment(
        attempt=attempt,
        sweep="sweep",
        trial=attempt,
        problem=problem,
        settings=settings,
        epochs=epochs,
        seed=100 + attempt,
        metric=LOSS,
        engine="fused",
    )


def built(config: ProblemConfig, *, device: torch.device = CPU) -> Problem:
    """The problem with its data on the device."""
    return build_problem(config, device=device, files=NO_FILES, metric=LOSS)


def in_double(problem: Problem) -> Problem:
    """The same problem in float64, from the same first weights."""
    train, validation = _double(problem.train), _double(problem.validation)
    return replace(problem, model=lambda: problem.model().double(), train=train, validation=validation)


def cut(problem: Problem, *, num_examples: int) -> Problem:
    """The same problem with no more examples to train on, and to validate with, than these."""
    parts = (problem.train, problem.validation)
    train, validation = (Part(part.x[:num_examples], part.y[:num_examples]) for part in parts)
    return replace(problem, train=train, validation=validation)


def _double(part: Part) -> Part:
    return Part(part.x.double(), part.y.double() if part.y.is_floating_point() else part.y)


@dataclass
class Seen:
    """What was seen of one row: where it stood, by its number of updates, and the news of it, in order."""

    standings: dict[int, Standing] = field(default_factory=dict)
    news: list[tuple[Mapping[str, float | None] | None, str | None]] = field(default_factory=list)


class Company:
    """A stack of rows of one group, with all that is seen of each by its attempt."""

    def __init__(self, problems: Mapping[int, Problem], *, width: int, ahead_seconds: float = 0.0) -> None:
        self.seen: dict[int, Seen] = {}
        self._problems = problems
        self._stack: Stack = FusedStack(device=CPU, width=width, ahead_seconds=ahead_seconds)

    @property
    def rows(self) -> list[Training]:
        """Those in training."""
        return list(self._stack.trainings)

    @property
    def has_room(self) -> bool:
        """For one more row."""
        return self._stack.num_free > 0

    def add(self, assigned: Assignment, *, state: State | None = None) -> Training:
        """A row begins, or goes on from a state."""
        self.seen.setdefault(assigned.attempt, Seen())
        return self._stack.add(assigned, problem=self._problems[assigned.attempt], state=state)

    def leave(self, training: Training) -> State:
        """A row goes, wherever it stands."""
        state = self._stack.state(training)
        self._stack.remove(training)
        return state

    def advance(self) -> None:
        """All rows; those that end leave."""
        told = self._stack.advance()
        ended = [training for training, progress in told if progress.divergence is not None or training.completed]
        for training, progress in told:
            self._hear(training, progress=progress)
        for training in ended:
            self._stack.remove(training)
        for training in self.rows:
            seen = self.seen[training.assignment.attempt]
            seen.standings[training.num_updates] = standing(self._stack.state(training))

    def finish(self) -> None:
        """Advance until no row is left."""
        while self.rows:
            self.advance()

    def _hear(self, training: Training, *, progress: Progress) -> None:
        if progress.error is not None:
            raise progress.error
        if progress == Progress():
            return
        metrics = None if progress.metrics is None else {**progress.metrics, "epoch_seconds": None}
        seen = self.seen[training.assignment.attempt]
        seen.news.append((metrics, progress.divergence))
        if progress.divergence is None:  # otherwise nobody goes on from there
            seen.standings[training.num_updates] = standing(self._stack.state(training))


def alone(assigned: Assignment, *, problem: Problem, width: int = 1) -> Seen:
    """What is seen of a row that has the stack for itself, an update at a time."""
    company = Company({assigned.attempt: problem}, width=width)
    company.add(assigned)
    company.finish()
    return company.seen[assigned.attempt]


def assert_as_alone(seen: Seen, *, by_itself: Seen) -> None:
    """All that was seen of a row is what is seen of it alone, and it was seen at all."""
    assert seen.standings or seen.news
    assert seen.news == by_itself.news[: len(seen.news)]
    for num_updates, at in sorted(seen.standings.items()):
        assert at == by_itself.standings[num_updates], f"after {num_updates} updates"


def standing(state: State) -> Standing:
    """Weights, statistics, buffers, the best epoch's weights and the counters, all but the time that they took."""
    best = None if state.best is None else (_bits(state.best.theta), _all_bits(state.best.statistics))
    return (
        _bits(state.weights.theta),
        _all_bits(state.weights.statistics),
        _all_bits(state.buffers),
        best,
        replace(state.counters, epoch_seconds=0.0),
    )


def _all_bits(tensors: Mapping[str, Tensor]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, _bits(tensor)) for name, tensor in sorted(tensors.items()))


def _bits(tensor: Tensor) -> bytes:
    """What is no number has many bit patterns, and all of them are one."""
    if tensor.is_floating_point():
        tensor = torch.where(tensor.isnan(), torch.full_like(tensor, torch.nan), tensor)
    content: bytes = tensor.numpy().tobytes()
    return content
