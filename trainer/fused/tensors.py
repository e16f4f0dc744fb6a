"""What the rows of a stack own in tensors: weights, their gradient, the optimizer's buffers, statistics, the order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.models.layout import Layout, Weights, statistics
from trainer.settings import Settings
from trainer.state import State
from trainer.training import Training
from trainer.updates.columns import Buffers
from trainer.updates.optimizers import RULES

ALIGNED = 64
"""theta's rows are a multiple of this long: no row then begins or ends within a vector register, and each is computed
alike wherever it stands."""

_STATISTICS, _FROZEN = "statistics.", "frozen."


class Taken(NamedTuple):
    """What an update changes and reads, of the rows taken only."""

    theta: Tensor
    gradient: Tensor
    buffers: Buffers


class StackTensors:
    """Tensors (width, ...) of which the first `num_rows` rows are taken.

    `theta` and `gradient` are (width, weights and what fills up the last ALIGNED), `order` is (width, updates of an
    epoch, batch size).
    """

    def __init__(self, module: nn.Module, *, layout: Layout, settings: Settings, order: Tensor, width: int) -> None:
        self.num_rows = 0
        self.width = width
        self._layout = layout
        self._buffers = RULES[settings.optimizer.kind].buffers
        theta = layout.theta_of(module)[0]
        flat = theta.new_zeros((width, -(-len(theta) // ALIGNED) * ALIGNED))
        named = _named(module, layout=layout)
        self._all = {name: torch.zeros_like(flat) for name in ("theta", "gradient", *self._buffers)}
        self._all |= {name: tensor.new_zeros((width, *tensor.shape)) for name, tensor in named.items()}
        self._all["order"] = order.new_zeros((width, *order.shape))
        self._taken: Taken | None = None  # None: other rows than before

    @property
    def theta(self) -> Tensor:
        """The trained weights."""
        return self._all["theta"]

    @property
    def gradient(self) -> Tensor:
        """The gradient of the last update."""
        return self._all["gradient"]

    @property
    def order(self) -> Tensor:
        """The examples of the epoch under way."""
        return self._all["order"]

    @property
    def num_weights(self) -> int:
        """How many of theta's columns are weights; the others fill it up."""
        return self._layout.num_weights

    @property
    def taken(self) -> Taken:
        """Views of the rows taken."""
        if self._taken is None:
            of = {name: tensor[: self.num_rows] for name, tensor in self._all.items()}
            self._taken = Taken(of["theta"], of["gradient"], {name: of[name] for name in self._buffers})
        return self._taken

    def add(self, module: nn.Module, *, layout: Layout, state: State | None) -> None:
        """A further row: a module as it is, or as in `state` (CheckpointError where that is of another model)."""
        theta, kept = layout.theta_of(module), _named(module, layout=layout)
        buffers: Mapping[str, Tensor] = {name: torch.zeros_like(theta) for name in self._buffers}
        if state is not None:
            _check(state, layout=layout, module=module)
            theta, buffers = state.weights.theta, state.buffers
            kept |= {_STATISTICS + name: tensor for name, tensor in state.weights.statistics.items()}
        row, self.num_rows, self._taken = self.num_rows, self.num_rows + 1, None
        for name, tensor in {"theta": theta, **buffers}.items():
            self._all[name][row, : layout.num_weights] = tensor[0]
        for name, tensor in kept.items():
            self._all[name][row] = tensor

    def remove(self, row: int) -> None:
        """The last row takes the place of this one."""
        self.num_rows, self._taken = self.num_rows - 1, None
        if row != self.num_rows:
            for tensor in self._all.values():
                tensor[row] = tensor[self.num_rows]

    def weights(self, row: int) -> Weights:
        """A copy of a row's weights."""
        own = {name: tensor[0].clone() for name, tensor in self.statistics(slice(row, row + 1)).items()}
        return Weights(self._flat("theta", row=row), own)

    def state(self, row: int, *, training: Training) -> State:
        """A copy of all of a row."""
        buffers = {name: self._flat(name, row=row) for name in self._buffers}
        return State(
            replace(training.counters),
            self.weights(row),
            buffers,
            training.best,
            training.layout.frozen_sha256,
        )

    def grad_norms(self, rows: Sequence[int]) -> list[float]:
        """The 2-norm of the gradient of each of these rows."""
        # One of them twice: of one row alone the sum would be one over other dimensions.
        norms: list[float] = self.gradient[[*rows, rows[-1]]].norm(dim=1).tolist()
        return norms[:-1]

    def trained(self, rows: slice) -> dict[str, Tensor]:
        """The trained parameters of these rows by name, (rows, ...), as views."""
        pieces = torch.split(self.theta[rows, : self.num_weights], self._layout.sizes, dim=1)
        shapes = self._layout.shapes.items()
        return {name: piece.view(len(piece), *shape) for (name, shape), piece in zip(shapes, pieces, strict=True)}

    def frozen(self, rows: slice) -> dict[str, Tensor]:
        """Frozen parameters of these rows by name, (rows, ...), as views."""
        return self._under(_FROZEN, rows=rows)

    def statistics(self, rows: slice) -> dict[str, Tensor]:
        """Statistics of these rows by name, (rows, ...), as views."""
        return self._under(_STATISTICS, rows=rows)

    def others(self, rows: slice) -> dict[str, Tensor]:
        """Frozen parameters and statistics of these rows."""
        return self.frozen(rows) | self.statistics(rows)

    def _under(self, prefix: str, *, rows: slice) -> dict[str, Tensor]:
        named = self._all.items()
        return {name.removeprefix(prefix): tensor[rows] for name, tensor in named if name.startswith(prefix)}

    def _flat(self, name: str, *, row: int) -> Tensor:
        return self._all[name][row : row + 1, : self.num_weights].clone()


def _named(module: nn.Module, *, layout: Layout) -> dict[str, Tensor]:
    frozen = {_FROZEN + name: parameter.detach() for name, parameter in layout.frozen.items()}
    return frozen | {_STATISTICS + name: tensor for name, tensor in statistics(module).items()}


def _check(state: State, *, layout: Layout, module: nn.Module) -> None:
    layout.check(state.weights, statistics=statistics(module))
    layout.check_frozen(state.frozen_sha256)
