"""What the suites on many rows share: trials that can be stacked, and an engine that trains them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.trainer.assignments import assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, LinearModel, ProblemConfig
from trainer.engine import train
from trainer.pauses import AS_A_SERVICE
from trainer.report import WeightsNote
from trainer.settings import Setting

LINEAR = ProblemConfig(dataset="wine", model=LinearModel())


def trial(attempt: int, **given: Setting) -> Assignment:
    """A trial of its own settings and seed; a fused one of a group with others but for `engine` and `sweep`."""
    engine, sweep = str(given.pop("engine", "fused")), str(given.pop("sweep", "sweep"))
    epochs, linear = int(given.pop("epochs", 4)), given.pop("linear", False)
    rate = 0.003 * (1 + attempt % 7)
    settings = {"learning_rate": rate, "momentum": 0.1 * (attempt % 9), "weight_decay": 1e-3, **given}
    made = assignment(settings, attempt=attempt, seed=attempt, epochs=epochs, rungs=(1, 2))
    fields = {"engine": engine, "sweep": sweep, "width": 8}
    return made.model_copy(update=fields | ({"problem": LINEAR} if linear else {}))


@dataclass(frozen=True)
class Engine:
    """Trains what a source hands out; `slots` is the most that it holds."""

    checkpoints: CheckpointStore
    slots: int = 8
    device: str = "cpu"

    def run(self, source: ScriptedSource, *, slots: int | None = None, ahead_seconds: float = 0) -> ScriptedSource:
        pauses = replace(AS_A_SERVICE, ahead_seconds=ahead_seconds)
        train(source, slots=slots or self.slots, device=self.device, checkpoints=self.checkpoints, pauses=pauses)
        return source

    def alone(self, assigned: Assignment) -> ScriptedSource:
        """The trial by the same engine with nothing beside it."""
        return self.run(ScriptedSource([assigned], judge=keep_weights), slots=1)


def kept_of(source: ScriptedSource, attempt: int) -> list[WeightsNote]:
    return [note for note in source.kept() if note.attempt == attempt]


def assert_as_alone(source: ScriptedSource, engine: Engine, trials: Sequence[Assignment]) -> None:
    """To the bit: all that was reported of these trials, their ends and their best weights."""
    for one in trials:
        alone = engine.alone(one)
        assert numbers(source.reports(one.attempt)) == numbers(alone.reports(one.attempt)), one.attempt
        assert kept_of(source, one.attempt) == alone.kept()
        ends = [(ending.state, ending.reason) for ending in source.endings() if ending.attempt == one.attempt]
        assert ends == [(ending.state, ending.reason) for ending in alone.endings()]
