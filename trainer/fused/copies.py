"""The copies of one model that a stack trains, with the data that they share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainer.fused.ahead import Ahead, Gathering
from trainer.fused.aligned import FEWEST_ROWS
from trainer.fused.gradients import Gradients
from trainer.fused.masks import Draw, MaskMaker
from trainer.fused.model import stacked_model
from trainer.fused.tensors import StackTensors
from trainer.training import Training

MOST_EVALUATED = 1 << 15
"""Examples, over all rows, that go through the copies at once in an evaluation."""


class Copies:
    """Room for `width` copies of `module`, which trains as `training` says; no row is taken yet."""

    def __init__(self, module: nn.Module, *, training: Training, width: int) -> None:
        problem, layout = training.problem, training.layout
        self._validation = problem.validation.x
        self._gathering = Gathering(problem.train, batch_size=training.batch_size)
        self.tensors = StackTensors(
            module,
            layout=layout,
            settings=training.assignment.settings,
            order=self._gathering.padded_order(None),
            width=max(FEWEST_ROWS, width),
        )
        self._model = stacked_model(module, layout=layout, x=problem.train.x)
        self._gradients = Gradients(self._model, problem=problem, tensors=self.tensors)
        self._masks = MaskMaker(module, x=problem.train.x[: training.batch_size], like=self.tensors.theta)

    @property
    def has_dropouts(self) -> bool:
        """Updates need masks."""
        return self._masks.has_dropouts

    def begin_epoch(self, row: int, *, training: Training) -> None:
        """The row goes through the data in the order of its epoch from now on."""
        self.tensors.order[row] = self._gathering.padded_order(training.order())

    def gather(self, rows: Sequence[Training], *, at_most: int) -> Ahead:
        """The next batches of the rows taken, up to the next end of an epoch."""
        num_computed = self._num_computed
        most = min(at_most, self._gathering.most_updates(num_rows=num_computed))
        return self._gathering.gather(
            self.tensors.order[:num_computed],
            rows=rows,
            num_updates=min(most, *(row.steps_left for row in rows)),
            like=self.tensors.theta,
        )

    def backpropagate(self, ahead: Ahead, *, update: int, draws: Sequence[Draw]) -> Tensor:
        """The losses (rows taken,) of one of the updates ahead; the gradients go into the tensors."""
        num_computed, batch_size = ahead.shares.shape[1:]
        masks = self._masks.masks(draws, num_rows=num_computed, batch_size=batch_size)
        return self._gradients.compute(ahead, update=update, masks=masks)[: self.tensors.num_rows]

    @torch.no_grad()
    def evaluated(self, rows: Sequence[int]) -> list[Tensor]:
        """The outputs of these rows for the validation part."""
        x = self._validation
        together = max(1, MOST_EVALUATED // len(x))
        if len(rows) > together:
            return [outputs for row in rows for outputs in self.evaluated([row])]
        first, last = min(rows), max(rows) + 1
        parameters = self._model.arranged(self.tensors.trained(slice(first, last)))
        parameters = {**parameters, **self.tensors.others(slice(first, last))}
        if last - first > len(rows):
            parameters = {name: tensor[[row - first for row in rows]] for name, tensor in parameters.items()}
        pieces = [self._model.evaluated(parameters, x=piece) for piece in torch.split(x, MOST_EVALUATED)]
        return list(pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1))

    @property
    def _num_computed(self) -> int:
        return self.tensors.width if self._model.fixed_width else max(FEWEST_ROWS, self.tensors.num_rows)
