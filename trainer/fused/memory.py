"""How much memory a stack takes, and how many rows fit.

The rule: a stack may take MOST_SHARE of what is free when it is opened. It is estimated from above, from the sizes of
its tensors and from what one batch of one row keeps for its backward pass; a stack whose estimate was too low halves
its width when memory runs out (trainer/loop.py).
"""

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from trainer.config import Assignment, Precision
from trainer.data.datasets import Part
from trainer.free_memory import MEBIBYTE
from trainer.fused.ahead import GATHERED_BYTES
from trainer.fused.copies import MOST_EVALUATED
from trainer.models.layout import Layout, statistics
from trainer.precision import in_precision
from trainer.problem import Problem
from trainer.randomness import initial_model, seeded
from trainer.updates.optimizers import RULES

MOST_SHARE = 0.25
"""Of the free memory, for one stack: there are other stacks, other workers, and the data."""

_VECTORS = 8
"""Of the length of the weights, for each row and beside the optimizer's: the weights, their gradient, the pieces that
make it up, the best weights, and the temporaries of clipping and update."""
_GATHERED = 4
"""Of the updates ahead: the inputs, what each output counts in the loss, and twice what it is there."""
_BACKWARD = 3
"""What the forward pass keeps, as much again while it is worked off, and as much for copies in another layout."""


class StackMemory:
    """What stacks of the group of an assignment take, in bytes, at most."""

    def __init__(self, assignment: Assignment, *, problem: Problem, device: torch.device) -> None:
        module = initial_model(problem.model, seed=assignment.seed).to(device)
        batch = _batch(problem.train, batch_size=assignment.settings.batch_size)
        kept = kept_bytes(module, problem=problem, batch=batch, precision=assignment.precision)
        num_buffers, num_snapshots = len(RULES[assignment.settings.optimizer.kind].buffers), len(assignment.rungs)
        vectors = _VECTORS + 2 * num_buffers + (1 + num_buffers) * num_snapshots
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        others = [*statistics(module).values(), *Layout(module).frozen.values()]
        order = 4 * len(problem.train.x)
        self._of_row = (
            vectors * _bytes_of(*trained) + 3 * _bytes_of(*others) + order + 2 * _bytes_of(*batch) + _BACKWARD * kept
        )
        self._of_example = kept // len(batch.x)
        self._num_evaluated = len(problem.validation.x)

    def num_bytes(self, num_rows: int) -> int:
        """Of a stack of so many rows, its updates and its evaluations.

        For each row all vectors as long as the weights (snapshots at rungs too), the order of its examples, a batch,
        and what a batch keeps for the backward pass; for all of them the examples gathered ahead and those evaluated.
        """
        evaluated = min(MOST_EVALUATED, num_rows * self._num_evaluated)
        return num_rows * self._of_row + _GATHERED * GATHERED_BYTES + evaluated * self._of_example

    def widest(self, free_bytes: int, *, at_most: int) -> int:
        """The most rows, up to `at_most`, whose stack takes no more than MOST_SHARE of what is free; 1 at least."""
        bound = MOST_SHARE * free_bytes
        return next((rows for rows in range(at_most, 1, -1) if self.num_bytes(rows) <= bound), 1)

    def why_no_two(self, free_bytes: int) -> str:
        """What is said where so little is free that no two rows fit."""
        two, free = (f"{count / MEBIBYTE:,.0f} MiB" for count in (self.num_bytes(2), free_bytes))
        return (
            f"two trials side by side may take {two}, and {MOST_SHARE:.0%} of the {free} that are free here is for a "
            "stack: give the worker more memory (or the sweep a higher limits.memory_mb)"
        )


def kept_bytes(module: nn.Module, *, problem: Problem, batch: Part, precision: Precision) -> int:
    """What a forward pass of this batch keeps for the backward pass, weights and batch apart."""
    ours = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *batch)}
    kept: dict[int, Tensor] = {}
    forward = in_precision(module.train(), precision=precision, device=batch.x.device)

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in ours:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with seeded(0), saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = problem.loss(forward(batch.x), batch.y)
        del loss
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _batch(train: Part, *, batch_size: int | str) -> Part:
    size = len(train.x) if isinstance(batch_size, str) else batch_size
    return Part(train.x[:size].clone(), train.y[:size].clone())


def _bytes_of(*tensors: Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
