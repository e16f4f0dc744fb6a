"""What our own rules do, in the form in which references are compared with them."""

import torch
from torch import Tensor

from tests.trainer.references.cases import COURSE, NUM_WEIGHTS, Rows, Run
from trainer.course.reactions import Reactions, after_epoch
from trainer.course.schedules import Pace, pace
from trainer.settings import Settings
from trainer.updates.stepper import Stepper, empty_buffers


def starts_and_gradients(rows: Rows) -> tuple[Tensor, Tensor]:
    """First weights (rows, weights) and gradients (updates, rows, weights), float64, of very different sizes."""
    generator = torch.Generator().manual_seed(rows.seed)
    shape = (len(rows.settings), NUM_WEIGHTS)
    theta = torch.randn(*shape, dtype=torch.float64, generator=generator)
    sizes = 10 ** (4 * torch.rand(NUM_WEIGHTS, dtype=torch.float64, generator=generator) - 3)
    return theta, sizes * torch.randn(COURSE.num_updates, *shape, dtype=torch.float64, generator=generator)


def paces(settings: Settings) -> list[Pace]:
    """The pace of every update of COURSE, for schedules that listen to nothing."""
    return [pace(t, settings=settings, course=COURSE, reactions=Reactions()) for t in range(COURSE.num_updates)]


def weights_after_each_update(rows: Rows) -> Tensor:
    """(updates, rows, weights)."""
    theta, gradients = starts_and_gradients(rows)
    stepper, buffers = Stepper(rows.settings, like=theta), empty_buffers(rows.settings[0], like=theta)
    by_row, after = [paces(settings) for settings in rows.settings], []
    for t, gradient in enumerate(gradients):
        now = [of_row[t] for of_row in by_row]
        stepper.prepare(now, num_updates=[t] * len(now), like=theta)
        stepper.step(theta, buffers=buffers, gradient=gradient)
        after.append(theta.clone())
    return torch.stack(after)


def rates_of(run: Run) -> list[float]:
    """The learning rate of every update; the losses after each epoch are both the training's and the held-out ones."""
    reactions, rates = Reactions(), []
    for epoch, loss in enumerate(run.losses):
        first = epoch * run.course.steps_per_epoch
        for t in range(first, first + run.course.steps_per_epoch):
            rates.append(pace(t, settings=run.settings, course=run.course, reactions=reactions).learning_rate)
        reactions = after_epoch(reactions, settings=run.settings, train_loss=loss, val_loss=loss)
    return rates
