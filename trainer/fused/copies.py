"""The copies of one model that a stack trains, with the data that they share."""

from collections.abc import Iterator, Sequence

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
        self._gathering = Gathering(
            problem.train,
            batch_size=training.batch_size,
            num_outputs=max(1, problem.facts.num_classes),
            dtype=layout.theta_of(module).dtype,
        )
        self.tensors = StackTensors(
            module,
            layout=layout,
            settings=training.assignment.settings,
            order=self._gathering.empty_order(),
            width=max(FEWEST_ROWS, width),
        )
        precision = training.assignment.precision
        self._model = stacked_model(module, layout=layout, x=problem.train.x, precision=precision)
        self._gradients = Gradients(self._model, problem=problem, tensors=self.tensors)
        self._masks = MaskMaker(module, x=problem.train.x[: training.batch_size], like=self.tensors.theta)

    @property
    def has_dropouts(self) -> bool:
        """Updates need masks."""
        return self._masks.has_dropouts

    def begin_epoch(self, row: int, *, training: Training) -> None:
        """The row goes through the data in the order of its epoch from now on."""
        self._gathering.write_order(self.tensors.order[row], order=training.order())

    def gather(self, rows: Sequence[Training], *, at_most: int) -> Ahead:
        """The next batches of the rows taken; none of them may be beyond the end of an epoch."""
        num_computed = self._num_computed
        ahead = self._gathering.gather(
            self.tensors.order[:num_computed],
            rows=rows,
            num_updates=min(at_most, self._gathering.most_updates(num_rows=num_computed)),
        )
        return self._gradients.weighed(ahead)

    def backpropagate(self, ahead: Ahead, *, update: int, draws: Sequence[Draw]) -> Tensor:
        """The terms of the losses of one of the updates ahead; the gradients go into the tensors."""
        num_computed, batch_size = ahead.shares.shape[1:]
        masks = self._masks.masks(draws, num_rows=num_computed, batch_size=batch_size)
        return self._gradients.compute(ahead, update=update, masks=masks)

    def losses(self, ahead: Ahead, *, terms: Sequence[Tensor]) -> Tensor:
        """The losses (updates, rows taken) of the first updates ahead, of which these are the terms."""
        return self._gradients.losses(ahead, terms=terms)[:, : self.tensors.num_rows]

    def evaluated(self, rows: Sequence[int]) -> Iterator[Tensor]:
        """The outputs of these rows for the validation part, those of some (rows, n, ...) at a time."""
        together = max(1, MOST_EVALUATED // self._validation.shape[0])
        return (self._outputs(rows[number : number + together]) for number in range(0, len(rows), together))

    @torch.no_grad()
    def _outputs(self, rows: Sequence[int]) -> Tensor:
        x, first, last = self._validation, min(rows), max(rows) + 1
        parameters = self._model.arranged(self.tensors.trained(slice(first, last)))
        parameters = {**parameters, **self.tensors.others(slice(first, last))}
        if last - first > len(rows):
            chosen = torch.tensor([row - first for row in rows], device=x.device)
            parameters = {name: tensor.index_select(0, chosen) for name, tensor in parameters.items()}
        pieces = [self._model.evaluated(parameters, x=piece) for piece in torch.split(x, MOST_EVALUATED)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)

    @property
    def _num_computed(self) -> int:
        return self.tensors.width if self._model.fixed_width else max(FEWEST_ROWS, self.tensors.num_rows)
