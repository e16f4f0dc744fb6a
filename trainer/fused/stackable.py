"""Whether a model can be stacked: a few updates of rows side by side must be those of the same rows alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import Tensor

from trainer.catalog import ALWAYS
from trainer.config import Assignment, MetricConfig
from trainer.data.datasets import Part
from trainer.endings import is_of_the_device
from trainer.fused.refusals import COUNTED, refusal
from trainer.fused.stack import FusedStack
from trainer.models.layout import Weights
from trainer.problem import Problem
from trainer.randomness import seeded
from trainer.serial import SerialStack
from trainer.settings import Settings
from trainer.stack import Stack
from trainer.training import Training

LEAST_UPDATES, MOST_SECONDS = 3, 0.05
"""Rows are compared after two epochs of at least LEAST_UPDATES updates; after one where a row took MOST_SECONDS."""
LEARNING_RATES = (1e-2, 1e-5, 1e-8)
"""The first at which the loss does not explode. Always SGD: what the model does is in question, not the update, and SGD
does not magnify what is left of a gradient that is 0."""
MOST_EXAMPLES = 1024


@dataclass(frozen=True)
class _Trained:
    """Where a row came to; `first` are its weights before, `first_loss` is the loss of its first batch."""

    weights: Weights
    first: Weights
    first_loss: float
    val_loss: float | None
    logged: Sequence[str]


def why_not_stackable(
    assignment: Assignment, *, problem: Problem, device: torch.device, beat: Callable[[], None]
) -> str | None:
    """None, or what was found in the model or loss, as the end of a sentence that begins with their name.

    Two rows with one seed must be equal to the bit (on a GPU within the tolerance), and each row must end with the
    weights, the statistics and the held-out loss that it has alone, within sqrt(eps) of the weights' type (float32:
    3.5e-4) times 3 of what the training changed in them. What a serial row raises goes through, and so does it when
    memory runs out.
    """
    with seeded(assignment.seed):  # and left so: two rows that draw from torch, NumPy or Python draw different numbers
        return _found(assignment, problem=problem, device=device, beat=beat)


def _found(assignment: Assignment, *, problem: Problem, device: torch.device, beat: Callable[[], None]) -> str | None:
    rate, num_epochs, alone = _alone(assignment, problem=problem, device=device)
    beat()
    if alone.logged:
        return (
            f"logs {alone.logged[0]!r} (log_metric), and beside other rows nobody knows whose number it is: compute it "
            "by a function in metrics, of outputs and targets"
        )
    twin, other = (_row(assignment, seed=assignment.seed + more, rate=rate) for more in (0, 1))
    small = _cut(problem, batch_size=assignment.settings.batch_size)
    try:
        stack = FusedStack(device=device, width=3, ahead_seconds=0.0)
        stacked = _trained(stack, rows=(twin, twin, other), problem=small, num_epochs=num_epochs)
    except Exception as error:  # the border around a user's model: whatever it raises, it is serial
        if is_of_the_device(error):
            raise
        return refusal(error, name=assignment.problem.name)
    beat()
    [other_alone] = _trained(SerialStack(device=device), rows=(other,), problem=small, num_epochs=num_epochs)
    pairs = ((stacked[0], alone), (stacked[2], other_alone), (stacked[0], stacked[1]))
    exact = device.type == "cpu"
    found = [_difference(*pair, exact=exact and number == 2) for number, pair in enumerate(pairs)]
    if not any(found):
        return None
    [again] = _trained(SerialStack(device=device), rows=(twin,), problem=small, num_epochs=num_epochs)
    if found[2] or _difference(again, alone, exact=exact):
        return (
            "draws random numbers that its seed does not decide (NumPy's, Python's), or keeps something from call to "
            f"call: {COUNTED}"
        )
    return found[0] or found[1]


def _alone(assignment: Assignment, *, problem: Problem, device: torch.device) -> tuple[float, int, _Trained]:
    """The learning rate and the epochs that a comparison needs, and what becomes of the row alone."""
    small = _cut(problem, batch_size=assignment.settings.batch_size)
    for rate in LEARNING_RATES:
        began = perf_counter()
        row = _row(assignment, seed=assignment.seed, rate=rate)
        [trained] = _trained(SerialStack(device=device), rows=(row,), problem=small, num_epochs=1)
        if trained.val_loss is not None and abs(trained.val_loss) <= 10 * (1 + abs(trained.first_loss)):
            break
    if perf_counter() - began > MOST_SECONDS:
        return rate, 1, trained
    num_epochs = max(2, math.ceil(LEAST_UPDATES / _num_updates(small, assignment=assignment)))
    [trained] = _trained(SerialStack(device=device), rows=(row,), problem=small, num_epochs=num_epochs)
    return rate, num_epochs, trained


def _row(assignment: Assignment, *, seed: int, rate: float) -> Assignment:
    of = assignment.settings
    settings = Settings(learning_rate=rate, momentum=0.5, batch_size=of.batch_size, shuffle=of.shuffle)
    held_out = MetricConfig(name="val_loss", goal="minimize")
    given = {"settings": settings, "seed": seed, "metric": held_out, "epochs": 1_000_000, "precision": "float32"}
    return assignment.model_copy(update=given)


def _cut(problem: Problem, *, batch_size: int | str) -> Problem:
    """Two whole batches and what the last one has, so that an epoch is short and ends as the whole one does."""
    num_examples = len(problem.train.x)
    if isinstance(batch_size, str):
        num_examples = min(num_examples, MOST_EXAMPLES)
    elif num_examples > 3 * batch_size:
        num_examples = 2 * batch_size + (num_examples % batch_size or batch_size)
    train, validation = _first(problem.train, num_examples), _first(problem.validation, MOST_EXAMPLES)
    return replace(problem, train=train, validation=validation, metrics={})


def _first(part: Part, num_examples: int) -> Part:
    return Part(part.x[:num_examples], part.y[:num_examples])


def _num_updates(problem: Problem, *, assignment: Assignment) -> int:
    batch_size = assignment.settings.batch_size
    return 1 if isinstance(batch_size, str) else math.ceil(len(problem.train.x) / batch_size)


def _trained(stack: Stack, *, rows: Sequence[Assignment], problem: Problem, num_epochs: int) -> list[_Trained]:
    trainings = [stack.add(row, problem=problem) for row in rows]
    first = [stack.state(training).weights for training in trainings]
    val_losses: dict[Training, float | None] = {}
    logged: set[str] = set()
    while any(training.num_epochs < num_epochs for training in trainings):
        told = stack.advance()
        logged |= {name for training in trainings for name in training.counters.logged}
        for training, progress in told:
            logged |= set(progress.metrics or ()) - set(ALWAYS)
            if progress.error is not None:
                raise progress.error
            val_losses[training] = (progress.metrics or {}).get("val_loss")
        if any(progress.divergence is not None for _, progress in told):
            break
    return [
        _Trained(
            weights=stack.state(training).weights,
            first=before,
            first_loss=training.counters.first_loss or 0.0,
            val_loss=val_losses.get(training),
            logged=sorted(logged),
        )
        for training, before in zip(trainings, first, strict=True)
    ]


def _difference(found: _Trained, expected: _Trained, *, exact: bool) -> str | None:
    for name, before in expected.first.statistics.items():
        there, here = expected.weights.statistics[name], found.weights.statistics[name]
        if _differ(here, there, before=before, exact=exact):
            attribute = name.rpartition(".")[2]
            return (
                f"keeps the statistic {name} in a way that is lost beside other rows: write into the buffer "
                f"(self.{attribute}.copy_(...)) instead of putting a new tensor in its place"
            )
    theta, before = expected.weights.theta, expected.first.theta
    if _differ(found.weights.theta, theta, before=before, exact=exact):
        return (
            "learns something else beside other rows than alone: what it keeps between two updates belongs in a buffer "
            "(register_buffer), of which every row has its own"
        )
    losses = [torch.tensor([math.nan if one.val_loss is None else one.val_loss]) for one in (found, expected)]
    scale = torch.tensor([max(abs(expected.first_loss), abs(expected.val_loss or 0.0))])
    if _differ(losses[0], losses[1], before=losses[1] - scale, exact=exact):
        return (
            "answers otherwise in evaluation beside other rows than alone: what it answers by belongs in parameters or "
            "buffers (register_buffer), of which every row has its own"
        )
    return None


def _differ(found: Tensor, expected: Tensor, *, before: Tensor, exact: bool) -> bool:
    """By more than the tolerance; what is not a number in both, or infinite, is no difference."""
    if found.shape != expected.shape:
        return True
    if not expected.is_floating_point():
        return not torch.equal(found, expected)
    difference, eps = _norm(found, expected), torch.finfo(expected.dtype).eps
    if exact or difference == 0:
        return difference != 0
    change, size = _norm(expected, before), _norm(expected, torch.zeros_like(expected))
    return not difference <= 3 * math.sqrt(eps) * change + 10 * eps * size


def _norm(one: Tensor, other: Tensor) -> float:
    """The 2-norm of the difference, to which equal entries (infinite ones, and those that are no numbers) add none."""
    differs = (one != other) & ~(one.isnan() & other.isnan())
    return float(torch.where(differs, one - other, torch.zeros_like(one)).double().norm())
