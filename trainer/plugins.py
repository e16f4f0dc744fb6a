"""What the author of a problem imports: `problem`, `Problem` and `log_metric`.

    @problem("spirals", task="classification")
    def spirals(*, width: int = 16, noise: float = 0.1) -> Problem:
        '''Two interleaved spirals.

        width: Units of the hidden layer.
        noise: The deviation of the points from their spiral.
        '''
        return Problem(model=lambda: Net(width), train=(x, y), validation=..., test=...)

Ravine finds it by the entry point group `ravine.problems` of an installed package, or by RAVINE_PROBLEMS=file.py.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Literal, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.catalog import ALWAYS, SCORES
from trainer.config import ProblemConfig
from trainer.own.logged import HELD_OUT, log_metric
from trainer.own.settings import OwnSetting, own_settings

__all__ = ["Plugin", "Problem", "log_metric", "problem"]

P = ParamSpec("P")
Array: TypeAlias = Tensor | NDArray[np.generic]
Examples: TypeAlias = tuple[Array, Array]
Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True)
class Problem:
    """What a function under `@problem` returns.

    `model` is a function that makes a new model, with first weights from torch's own generator (Ravine seeds it).
    `train`, `validation` and `test` are pairs of inputs and targets, tensors or arrays whose first dimension counts
    examples; floating arrays become torch's default type. What is drawn for them from the generators that torch, NumPy
    and Python share is the same on every worker. In a regression targets (n,) become (n, 1), and the model answers
    (n, 1). `loss(outputs, targets)` is the mean over the rows of a
    batch; where the problem has a task it may be left out. `metrics(outputs, targets)` give one number each for the
    validation part; their names are those that `@problem` declares.
    """

    model: Callable[[], nn.Module]
    train: Examples
    validation: Examples
    test: Examples
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    metrics: Mapping[str, Callable[[Tensor, Tensor], Tensor | float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Here, so that the traceback leads to the line of the author.
        if isinstance(self.model, nn.Module) or not callable(self.model):
            raise ValueError("model: every trial needs a new one; give a function that makes it: model=lambda: Net()")
        for part in ("train", "validation", "test"):
            _check_part(getattr(self, part), name=part)


@dataclass(frozen=True, eq=False)
class Plugin(Generic[P]):
    """A decorated function, and what it says of itself; it can be called as before."""

    name: str
    task: Task | None
    metrics: tuple[str, ...]
    description: str
    function: Callable[P, Problem]
    settings: Mapping[str, OwnSetting]

    def __call__(self, *args: P.args, **settings: P.kwargs) -> Problem:
        return self.function(*args, **settings)

    @property
    def source(self) -> Path:
        """The file that the function stands in."""
        return Path(inspect.unwrap(self.function).__code__.co_filename)


def problem(
    name: str, *, task: Task | None = None, metrics: tuple[str, ...] = (), description: str = ""
) -> Callable[[Callable[P, Problem]], Plugin[P]]:
    """Declare a function as a problem that Ravine can train.

    Its keyword-only parameters (int, float, bool or str, with defaults) are the problem's own settings, searched as
    `problem.<parameter>`; a line `<parameter>: <sentence>` of the docstring describes each. With a `task` the loss
    (cross-entropy, mean squared error) and the task's scores are there by themselves. `metrics` names further ones,
    `val_...`, that the returned Problem computes. ValueError where any of this cannot be.
    """
    ProblemConfig(plugin=name)
    taken = (*ALWAYS, *(SCORES[task] if task else ()))
    for metric in metrics:
        if not metric.startswith(HELD_OUT) or metric in taken:
            raise ValueError(f"metrics: {metric!r} is taken or does not begin with {HELD_OUT}; choose another name")

    def declare(function: Callable[P, Problem]) -> Plugin[P]:
        first_line = (inspect.getdoc(function) or name).splitlines()[0]
        return Plugin(
            name=name,
            task=task,
            metrics=tuple(metrics),
            description=description or first_line,
            function=function,
            settings=MappingProxyType(own_settings(function)),
        )

    return declare


def _check_part(part: object, *, name: str) -> None:
    if not (isinstance(part, tuple | list) and len(part) == 2 and all(hasattr(array, "shape") for array in part)):
        raise ValueError(f"{name}: give a pair of inputs and targets, tensors or arrays: {name}=(x, y)")
    num_inputs, num_targets = (len(array) if array.shape else 0 for array in part)
    if num_inputs != num_targets or num_inputs == 0:
        raise ValueError(f"{name}: {num_inputs} inputs and {num_targets} targets; it takes as many, and at least one")
