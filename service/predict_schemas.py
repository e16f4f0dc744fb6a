"""What the API answers to rows that are to be predicted: the shape that clients rely on."""

from typing import Any

from service.schemas import Answer


class PredictAnswer(Answer):
    """What the model of a trial says of rows, in their order.

    `predictions` are classes, numbers, or lists of raw outputs; `probabilities` hold one number per class of `classes`,
    null where nothing is classified.
    """

    trial: int
    predictions: list[Any]
    probabilities: list[list[float]] | None
    classes: list[str | int | float | bool] | None
