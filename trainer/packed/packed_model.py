"""The code inside an exported model: loads the program and answers rows. Torch, NumPy and MLflow's pandas alone.

This text and trainer/packed/preprocessing.py travel as they are in the folder of the MLflow model, as the package
`ravine_model`: they import nothing else of Ravine's.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from .preprocessing import decode, encode

PREDICTION = "prediction"
PROBABILITY = "probability_"
CHUNK_ROWS = 1024  # at a time, so that many rows fit


class RavineModel:
    """The best trial's model with the preprocessing of its data."""

    def __init__(self, program: torch.nn.Module, *, dtype: torch.dtype, preprocessing: dict[str, Any]) -> None:
        self._program = program
        self._dtype = dtype
        self._preprocessing = preprocessing

    def predict(self, model_input: Any) -> pd.DataFrame:
        """One line per row: `prediction` (a class, or a number), and one `probability_<class>` per class.

        `model_input` is a data frame with the columns of the data, or an array of rows. Where outputs are raw
        and several, they are `prediction_0`, `prediction_1` and so on.
        """
        encoded = encode(self._preprocessing["inputs"], rows=_rows(model_input))
        inputs = torch.from_numpy(encoded).to(self._dtype)
        with torch.no_grad():
            outputs = torch.cat([self._program(piece) for piece in torch.split(inputs, CHUNK_ROWS)])
        answer = decode(self._preprocessing["target"], outputs=outputs.numpy())
        predictions = answer["predictions"]
        columns = _columns(predictions, name=PREDICTION)
        names = [f"{PROBABILITY}{one}" for one in answer.get("classes", ())]
        probabilities = np.array(answer.get("probabilities", ()), dtype=float).reshape(len(predictions), len(names))
        columns |= dict(zip(names, probabilities.T, strict=True))
        return pd.DataFrame(columns, index=model_input.index if isinstance(model_input, pd.DataFrame) else None)


def _load_pyfunc(path: str) -> RavineModel:
    """What MLflow calls with the folder of the data."""
    folder = Path(path)
    program = torch.export.load(folder / "program.pt2")
    (name,) = program.graph_signature.user_inputs
    (dtype,) = (node.meta["val"].dtype for node in program.graph.nodes if node.name == name)
    preprocessing = json.loads((folder / "preprocessing.json").read_text("utf-8"))
    return RavineModel(program.module(), dtype=dtype, preprocessing=preprocessing)


def _rows(model_input: Any) -> Any:
    if not isinstance(model_input, pd.DataFrame):
        return model_input
    return model_input.astype(object).where(model_input.notna(), None).to_dict(orient="records")


def _columns(predictions: list[Any], *, name: str) -> dict[str, Any]:
    if predictions and isinstance(predictions[0], list):
        return {f"{name}_{index}": list(values) for index, values in enumerate(zip(*predictions, strict=True))}
    return {name: predictions}
