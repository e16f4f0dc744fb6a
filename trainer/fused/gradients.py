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
        x, y = ahead.x[update], ahead.y[update]
        if self._fills_up:
            assert self._losses_of_examples is not None
            losses = self._losses_of_examples(self._outputs(x, masks=masks), y)
            return self._backward((losses * ahead.shares[update]).sum(dim=1), rows=None)
        return self._by_size(x, y, sizes=ahead.sizes[update], masks=masks)

    def _make_room(self, num_rows: int) -> None:
        """For so many rows from now on."""
        views = self._tensors.trained(slice(num_rows))
        self._trained = {name: view.detach().requires_grad_() for name, view in views.items()}
        self._place = self._tensors.gradient[:num_rows]
        self._ones = self._place.new_ones(num_rows)
        self._filling = self._place[:, self._num_weights :].clone()

    def _by_size(self, x: Tensor, y: Tensor, *, sizes: Sequence[int], masks: Masks) -> Tensor:
        """All rows are computed for every size, so that none notices which size its neighbours have."""
        result = x.new_zeros(len(x), dtype=self._tensors.theta.dtype)
        for size in sorted(set(sizes)):
            fits = [other == size for other in sizes] + [False] * (len(x) - len(sizes))
            rows = torch.tensor(fits, device=x.device)
            before = {name: tensor.clone() for name, tensor in self._tensors.others(slice(len(x))).items()}
            fitting = {path: mask[:, :size] for path, mask in masks.items()}
            losses = of_batches(self._loss, outputs=self._outputs(x[:, :size], masks=fitting), targets=y[:, :size])
            result = torch.where(rows, self._backward(losses, rows=rows), result)
            for name, tensor in self._tensors.others(slice(len(x))).items():
                tensor.copy_(torch.where(_beside(rows, tensor), tensor, before[name]))
        return result

    def _outputs(self, x: Tensor, *, masks: Masks) -> Tensor:
        return self._model.outputs({**self._trained, **self._tensors.others(slice(len(x)))}, x=x, masks=masks)

    def _backward(self, losses: Tensor, *, rows: Tensor | None) -> Tensor:
        """Write the gradients of these rows (None: of all); the losses without their history."""
        given = torch.autograd.grad(
            losses, list(self._trained.values()), grad_outputs=self._ones, materialize_grads=True
        )
        pieces = [*(gradient.flatten(1) for gradient in given), self._filling]
        if rows is None:
            torch.cat(pieces, dim=1, out=self._place)
        else:
            self._place.copy_(torch.where(rows[:, None], torch.cat(pieces, dim=1), self._place))
        return losses.detach()


def _beside(rows: Tensor, tensor: Tensor) -> Tensor:
    return rows.view(-1, *(1 for _ in tensor.shape[1:]))
