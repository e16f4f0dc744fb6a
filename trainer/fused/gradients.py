"""The losses of the rows of a stack, and their gradients."""

from collections.abc import Sequence

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
        self._num_weights = sum(view.shape[1:].numel() for view in tensors.trained(slice(0)).values())
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
        before = {name: tensor.clone() for name, tensor in self._others.items()}
        try:
            return self._by_size(x, y, sizes=ahead.sizes[update], masks=masks)
        except BaseException:  # memory ran out, say: the update is made again, and statistics count it once
            for name, tensor in self._others.items():
                tensor.copy_(before[name])
            raise

    def _make_room(self, num_rows: int) -> None:
        """For so many rows from now on."""
        rows = slice(num_rows)
        views = self._model.arranged(self._tensors.trained(rows))
        self._trained = {name: view.detach().requires_grad_() for name, view in views.items()}
        self._others = self._tensors.others(rows)
        self._place = self._tensors.gradient[:num_rows]
        self._ones = self._place.new_ones(num_rows)
        self._filling = self._place[:, self._num_weights :].clone()

    def _by_size(self, x: Tensor, y: Tensor, *, sizes: Sequence[int], masks: Masks) -> Tensor:
        """All rows are computed for every size, so that none notices which size its neighbours have."""
        result = x.new_zeros(len(x), dtype=self._tensors.theta.dtype)
        for size in sorted(set(sizes)):
            fits = [other == size for other in sizes] + [False] * (len(x) - len(sizes))
            rows = torch.tensor(fits, device=x.device)
            before = {name: tensor.clone() for name, tensor in self._others.items()}
            fitting = {path: mask[:, :size] for path, mask in masks.items()}
            losses = of_batches(self._loss, outputs=self._outputs(x[:, :size], masks=fitting), targets=y[:, :size])
            gradient = torch.cat(self._backward(losses, weights=self._ones), dim=1)
            self._place.copy_(torch.where(rows[:, None], gradient, self._place))
            result = torch.where(rows, losses.detach(), result)
            for name, tensor in self._others.items():
                tensor.copy_(torch.where(_beside(rows, tensor), tensor, before[name]))
        return result

    def _outputs(self, x: Tensor, *, masks: Masks) -> Tensor:
        return self._model.outputs(self._trained | self._others, x=x, masks=masks)

    def _backward(self, losses: Tensor, *, weights: Tensor) -> list[Tensor]:
        """The pieces of the gradient of the losses' weighted sum, each (rows, ...), in theta's order."""
        # The sum, rather than weights as `grad_outputs`: for these torch imports half a second's worth of symbols.
        weighted = torch.dot(losses.flatten(), weights.flatten())
        given = torch.autograd.grad(weighted, list(self._trained.values()), materialize_grads=True)
        return [*(gradient.flatten(1) for gradient in given), self._filling]


def _beside(rows: Tensor, tensor: Tensor) -> Tensor:
    return rows.view(-1, *(1 for _ in tensor.shape[1:]))
