"""Updates of one row by itself, whose gradient comes in pieces: a tensor for each parameter."""

from trainer.course.schedules import Pace
from trainer.models.flat_model import FlatModel
from trainer.settings import Settings
from trainer.updates.columns import Buffers
from trainer.updates.sgd import in_one_pass, is_one_pass, sgd_numbers
from trainer.updates.stepper import Stepper


class RowStepper:
    """Steps the weights of a model and the optimizer's buffers in place, by the gradients that the model has.

    Where the update is one pass, no gradient is copied into a vector first.
    """

    def __init__(self, settings: Settings, *, model: FlatModel, buffers: Buffers) -> None:
        self._settings = settings
        self._model = model
        self._buffers = buffers
        self._stepper = Stepper([settings], like=model.theta)
        self._is_plain = settings.optimizer.kind == "sgd" and not settings.gradient_clip_norm
        self._theta = model.pieces(model.theta)
        self._velocity = model.pieces(buffers["velocity"]) if self._is_plain else []

    def step(self, pace: Pace, *, num_updates: int) -> None:
        """The update that follows `num_updates` others; the gradients stay as they are."""
        if self._is_plain:
            numbers = sgd_numbers(self._settings, pace=pace, num_updates=num_updates)
            if is_one_pass(numbers):
                gradients = self._model.gradients
                return in_one_pass(self._theta, velocity=self._velocity, gradient=gradients, numbers=numbers)
        theta = self._model.theta
        self._stepper.prepare([pace], num_updates=[num_updates], like=theta)
        return self._stepper.step(theta, buffers=self._buffers, gradient=self._model.gradient)
