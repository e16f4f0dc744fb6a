"""Where a training stands between two updates, in memory and as a checkpoint."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError
from torch import Tensor

from trainer.checkpoint import Stored
from trainer.config import Assignment, ProblemConfig
from trainer.course.reactions import Reactions
from trainer.course.stopping import Patience, is_spent
from trainer.errors import CheckpointError
from trainer.frozen import Frozen
from trainer.models.layout import Weights
from trainer.own.logged import Logged
from trainer.settings import Settings
from trainer.updates.columns import Buffers
from trainer.updates.optimizers import RULES


@dataclass
class Counters:
    """All of a training that is not a tensor.

    `epoch` counts whole epochs and `step` the updates after them; `loss_sum` is the sum of the losses of the examples
    seen in these and `epoch_seconds` the time they took. `first_loss` is that of the first batch of all. `best_epoch`
    and `best_value` are by the searched metric, None before its first finite value. `reactions` and `patience` are
    those after the last whole epoch. `logged` is what the problem's code logged since then, never changed in place.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    epoch_seconds: float = 0.0
    first_loss: float | None = None
    best_epoch: int | None = None
    best_value: float | None = None
    reactions: Reactions = field(default_factory=Reactions)
    patience: Patience = field(default_factory=Patience)
    logged: Logged = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """A training between two updates: the weights, those of the best epoch, the optimizer's buffers (1, weights).

    `frozen_sha256` tells which parameters the training does not change. Nobody writes to any of it.
    """

    counters: Counters
    weights: Weights
    buffers: Buffers
    best: Weights | None = None
    frozen_sha256: str | None = None


class _About(Frozen):
    """The text in a checkpoint: which training it belongs to, and its counters."""

    kind: Literal["checkpoint"] = "checkpoint"
    problem: ProblemConfig
    settings: Settings
    seed: int
    counters: Counters
    frozen_sha256: str | None = None


def as_stored(state: State, *, of: Assignment) -> Stored:
    """The state as a checkpoint of the assigned training."""
    best = {} if state.best is None else _named(state.best, prefix=_BEST)
    about = _About(
        problem=of.problem,
        settings=of.settings,
        seed=of.seed,
        counters=state.counters,
        frozen_sha256=state.frozen_sha256,
    )
    return Stored({**state.buffers, **_named(state.weights), **best}, about.model_dump_json())


def from_stored(stored: Stored, *, of: Assignment) -> State:
    """The state in a checkpoint; CheckpointError where it belongs to another training or leaves nothing to train."""
    try:
        about = _About.model_validate_json(stored.text)
        tensors = stored.tensors
        buffers = {name: tensors[name] for name in RULES[of.settings.optimizer.kind].buffers}
        best = _weights(tensors, prefix=_BEST) if f"{_BEST}theta" in tensors else None
        state = State(about.counters, _weights(tensors), buffers, best, about.frozen_sha256)
    except (ValidationError, KeyError) as error:
        raise CheckpointError(f"The file is no checkpoint of a training: {error}") from error
    if (about.problem, about.settings, about.seed) != (of.problem, of.settings, of.seed):
        raise CheckpointError("The checkpoint is of a training with another problem, other settings or another seed")
    if about.counters.epoch >= of.epochs or is_spent(about.counters.patience, settings=of.settings):
        raise CheckpointError(f"The checkpoint is at the end, epoch {about.counters.epoch}: nothing is left to train")
    return state


_BEST = "best_"
_STATISTICS = "statistics."


def _named(weights: Weights, *, prefix: str = "") -> dict[str, Tensor]:
    statistics = {f"{prefix}{_STATISTICS}{name}": tensor for name, tensor in weights.statistics.items()}
    return {f"{prefix}theta": weights.theta, **statistics}


def _weights(tensors: Mapping[str, Tensor], *, prefix: str = "") -> Weights:
    of = prefix + _STATISTICS
    statistics = {name.removeprefix(of): tensor for name, tensor in tensors.items() if name.startswith(of)}
    return Weights(tensors[f"{prefix}theta"], statistics)


class Snapshots:
    """The states that a PAUSE may still ask a training to go back to."""

    def __init__(self, rungs: Iterable[int]) -> None:
        self._rungs = frozenset(rungs)
        self._states: list[State] = []
        self._unanswered: set[int] = set()

    def begin(self, state: Callable[[], State]) -> None:
        """The training begins in this state, which is copied only where it may be paused at all."""
        if self._rungs:
            self._states = [state()]

    def wants(self, epoch: int) -> bool:
        """True where a PAUSE may be the verdict on this epoch."""
        return epoch in self._rungs

    def add(self, state: State) -> None:
        """The state at the end of its epoch, until a verdict on that epoch or a later one arrives."""
        self._states.append(state)
        self._unanswered.add(state.counters.epoch)

    def answered(self, epoch: int) -> None:
        """The training may go on beyond this epoch: forget all that is older than the newest state up to here."""
        del self._states[: self._newest(epoch)]
        self._unanswered = {other for other in self._unanswered if other > epoch}

    def up_to(self, epoch: int) -> State | None:
        """The newest state at the end of this epoch or before; the oldest there is where none is that old.

        None where the training has no rung.
        """
        return self._states[self._newest(epoch)] if self._states else None

    @property
    def unanswered(self) -> bool:
        """True while a PAUSE may still arrive."""
        return bool(self._unanswered)

    def _newest(self, epoch: int) -> int:
        epochs = [state.counters.epoch for state in self._states]
        return max(0, bisect_right(epochs, epoch) - 1)
