"""The losses of the rows of a stack, and their gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from trainer.fused.ahead import Ahead
from trainer.fused.losses import example_loss, of_batches
from trainer.fused.masks import Masks
from trainer.fused.model import StackedModel
from trainer.fused.tensors import StackTensors
from trainer.problem import Problem

_run_backward = torch.autograd.Variable._execution_engine.run_backward


class Gradients:
    """Computes what backpropagation gives each row by itself: of all losses only its own knows its weights.

    A last batch that is smaller stands filled up beside whole ones, and what fills it counts nothing: so it is where
    the model and the loss are known to take every example by itself. Elsewhere batches of each size are computed apart.
    """

    def __init__(self, model: StackedModel, *, problem: Problem, tensors: StackTensors) -> None:
        self._model = model
        self._loss = problem.loss
        self._example_loss = example_loss(problem)
        self._tensors = tensors
        self._make_room(0)

    def compute(self, ahead: Ahead, *, update: int, masks: Masks) -> Tensor:
        """The terms (rows computed, ...) of the losses of one of the updates ahead; see `losses`.

        Their gradients go into the stack's tensors.
        """
        x, y, num_rows = ahead.x[update], ahead.y[update], ahead.shares.shape[1]
        if num_rows != self._num_rows:
            self._make_room(num_rows)
        if self._example_loss is None:
            return self._by_size(x, y, sizes=ahead.sizes[update], masks=masks)
        terms = self._example_loss.terms(self._outputs(x, masks=masks), targets=y)
        torch.cat(self._backward(terms, weights=ahead.weights[update]), dim=1, out=self._place)
        return terms.detach()

    def weighed(self, ahead: Ahead) -> Ahead:
        """With what each term of these losses weighs in the sum that is differentiated."""
        if self._example_loss is None:
            return ahead
        return replace(ahead, weights=self._example_loss.weights(ahead.shares, targets=ahead.targets).unbind())

    def losses(self, ahead: Ahead, *, terms: Sequence[Tensor]) -> Tensor:
        """The losses (updates, rows computed) of the first updates ahead, of which these are the terms."""
        done, together = len(terms), torch.stack([*terms])
        if self._example_loss is None:
            return together
        return self._example_loss.losses(together, targets=ahead.targets[:done], shares=ahead.shares[:done])

    def _make_room(self, num_rows: int) -> None:
        """For so many rows from now on."""
        self._num_rows, rows = num_rows, slice(num_rows)
        views = self._model.arranged(self._tensors.trained(rows))
        self._trained = {name: view.detach().requires_grad_() for name, view in views.items()}
        self._statistics = self._tensors.statistics(rows)
        self._parameters = {**self._trained, **self._tensors.frozen(rows), **self._statistics}
        self._inputs = tuple(self._trained.values())
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
        return self._model.outputs(self._parameters, x=x, masks=masks)

    def _backward(self, terms: Tensor, *, weights: Tensor) -> list[Tensor]:
        """The pieces of the gradient of the terms' weighted sum, each (rows, ...), in theta's order."""
        # torch.autograd.grad without its wrapping, which takes a fifth of a small update, and with weights imports half
        # a second's worth of symbols. The flags: retain_graph, create_graph, and after the inputs allow_unused.
        given = _run_backward((terms,), (weights,), False, False, self._inputs, True, accumulate_grad=False)
        pieces = zip(given, self._inputs, strict=True)
        return [
            *((torch.zeros_like(of) if gradient is None else gradient).reshape(len(of), -1) for gradient, of in pieces),
            self._filling,
        ]


def _beside(rows: Tensor, tensor: Tensor) -> Tensor:
    return rows.view(-1, *(1 for _ in tensor.shape[1:]))
