"""The losses of the rows of a stack, and their gradients."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from trainer.fused.ahead import Ahead
from trainer.fused.losses import of_batches, of_examples
from trainer.fused.masks import Masks
from trainer.fused.model import StackedModel
from trainer.fused.tensors import StackTensors
from trainer.problem import Problem


class Gradients:
    """Computes what backpropagation gives each row by itself: of all losses only its own knows its weights.

    A last batch that is smaller stands filled up beside whole ones, and what fills it counts nothing: so it is where
    the model and the loss are known to take every example by itself. Elsewhere batches of each size are computed apart.
    """

    def __init__(self, model: StackedModel, *, problem: Problem, tensors: StackTensors) -> None:
        self._model = model
        self._loss = problem.loss
        self._losses_of_examples = of_examples(problem.loss)
        self._fills_up = problem.facts.kind != "plugin" and self._losses_of_examples is not None
        self._tensors = tensors
        self._make_room(0)

    def compute(self, ahead: Ahead, *, update: int, masks: Masks) -> Tensor:
        """The losses (rows computed,) of one of the updates ahead; their gradients go into the stack's tensors."""
        if ahead.x.shape[1] != len(self._place):
            self._make_room(ahead.x.shape[1])
        x, y, shares = ahead.x[update], ahead.y[update], ahead.shares[update]
        if self._fills_up:
            assert self._losses_of_examples is not None
            losses = self._losses_of_examples(self._outputs(x, masks=masks), y)
            torch.cat(self._backward(losses, weights=shares), dim=1, out=self._place)
            return (losses.detach() * shares).sum(dim=1)
        return self._by_size(x, y, sizes=ahead.sizes[update], masks=masks)

    def _make_room(self, num_rows: int) -> None:
        """For so many rows from now on."""
        rows = slice(num_rows)
        views = self._model.arranged(self._tensors.trained(rows))
        self._trained = {name: view.detach().requires_grad_() for name, view in views.items()}
        self._frozen, self._statistics = self._tensors.frozen(rows), self._tensors.statistics(rows)
        self._place = self._tensors.gradient[:num_rows]
        self._ones = self._place.new_ones(num_rows)
        self._filling = self._place[:, self._tensors.num_weights :].clone()

    def _by_size(self, x: Tensor, y: Tensor, *, sizes: Sequence[int], masks: Masks) -> Tensor:
        """All rows are computed for every size, so that none notices which size its neighbours have."""
        result = x.new_zeros(len(x), dtype=self._tensors.theta.dtype)
        before = {name: tensor.clone() for name, tensor in self._statistics.items()}
        after = now = before
        try:
            for size in sorted(set(sizes)):
                self._put(before)
                fits = [other == size for other in sizes] + [False] * (len(x) - len(sizes))
                rows = torch.tensor(fits, device=x.device)
                fitting = {path: mask[:, :size] for path, mask in masks.items()}
                losses = of_batches(self._loss, outputs=self._outputs(x[:, :size], masks=fitting), targets=y[:, :size])
                gradient = torch.cat(self._backward(losses, weights=self._ones), dim=1)
                self._place.copy_(torch.where(rows[:, None], gradient, self._place))
                result = torch.where(rows, losses.detach(), result)
                statistics = self._statistics.items()
                now = {name: torch.where(_beside(rows, tensor), tensor, now[name]) for name, tensor in statistics}
            after = now
        finally:  # as before where memory ran out, say: the update is made again, and statistics count it once
            self._put(after)
        return result

    def _put(self, statistics: Mapping[str, Tensor]) -> None:
        for name, tensor in self._statistics.items():
            tensor.copy_(statistics[name])

    def _outputs(self, x: Tensor, *, masks: Masks) -> Tensor:
        return self._model.outputs({**self._trained, **self._frozen, **self._statistics}, x=x, masks=masks)

    def _backward(self, losses: Tensor, *, weights: Tensor) -> list[Tensor]:
        """The pieces of the gradient of the losses' weighted sum, each (rows, ...), in theta's order."""
        # The sum, rather than weights as `grad_outputs`: for these torch imports half a second's worth of symbols.
        weighted = torch.dot(losses.flatten(), weights.flatten())
        given = torch.autograd.grad(weighted, list(self._trained.values()), materialize_grads=True)
        return [*(gradient.flatten(1) for gradient in given), self._filling]


def _beside(rows: Tensor, tensor: Tensor) -> Tensor:
    return rows.view(-1, *(1 for _ in tensor.shape[1:]))
