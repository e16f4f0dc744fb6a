"""Predictions of a trained model for rows that a user sent."""

from collections.abc import Mapping
from typing import Any

import torch

from trainer.checkpoint import CheckpointStore
from trainer.errors import RowsError
from trainer.packed.preprocessing import decode, encode
from trainer.problem import Problem
from trainer.task import Predict, Prediction
from trainer.tasks.trained import outputs_of, preprocessing_of, trained

MAX_OUTPUTS = 500_000
"""Numbers in one answer, which must fit into one request of a worker."""


def predict(task: Predict, *, files: CheckpointStore, problem: Problem, device: torch.device) -> Prediction:
    """What the model says of the rows; RowsError names the row and column that is wrong, or says that they are many."""
    inputs = problem.preprocessing["inputs"]
    try:
        encoded = encode(inputs, rows=_as_the_inputs_want(inputs, rows=task.rows))
    except ValueError as error:
        raise RowsError(str(error)) from error
    model = trained(task.weights, files=files, problem=problem, device=device).model
    x = torch.from_numpy(encoded).to(device=device, dtype=problem.train.x.dtype)
    outputs = outputs_of(model, x=x)
    if outputs.numel() > MAX_OUTPUTS:
        most = MAX_OUTPUTS // (outputs.numel() // len(task.rows))
        raise RowsError(f"rows: {len(task.rows)} rows have {outputs.numel()} outputs; send at most {most} at a time")
    wrong = (~outputs.reshape(len(outputs), -1).isfinite().all(dim=1)).nonzero()
    if len(wrong):
        raise RowsError(f"row {int(wrong[0]) + 1}: the model's outputs are not finite; are its values far too large?")
    target = preprocessing_of(problem, outputs=outputs)["target"]
    return Prediction.model_validate(decode(target, outputs=outputs.numpy()))


def _as_the_inputs_want(inputs: Mapping[str, Any], *, rows: list[dict[str, Any] | list[Any]]) -> list[Any]:
    """A row of an array has no names: of an object (a line of a CSV) the values count, in their order."""
    if inputs["kind"] != "array":
        return list(rows)
    return [list(row.values()) if isinstance(row, dict) else row for row in rows]
