"""The code inside an exported model: rows as people have them, answers as a table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from tests.trainer.trained_weights import done, weights_of
from trainer.checkpoint import CheckpointStore
from trainer.config import LinearModel, ProblemConfig
from trainer.packed.packed_model import RavineModel, _load_pyfunc
from trainer.task import Export, Exported
from trainer.tasks.exported import PROGRAM, AboutExport

INPUTS: dict[str, Any] = {
    "kind": "table",
    "columns": [
        {"name": "length", "kind": "number", "fill": 1.0, "mean": 0.0, "scale": 1.0},
        {"name": "wild", "kind": "category", "fill": None, "values": ["false", "true"]},
    ],
}
CLASSES = {"kind": "classes", "name": "species", "classes": ["a", "b", "c"]}


def model(target: dict[str, Any], *, inputs: dict[str, Any] = INPUTS) -> RavineModel:
    """A model whose outputs are its encoded inputs."""
    return RavineModel(torch.nn.Identity(), dtype=torch.float32, preprocessing={"inputs": inputs, "target": target})


def test_a_table_as_pandas_reads_it_is_understood_and_its_index_kept() -> None:
    rows = pandas.DataFrame({"length": [4, 0], "wild": [True, False]}, index=[7, 9])
    answers = model(CLASSES).predict(rows)
    assert list(answers.index) == [7, 9]
    assert list(answers.columns) == ["prediction", "probability_a", "probability_b", "probability_c"]
    assert list(answers["prediction"]) == ["a", "b"]
    assert answers.drop(columns="prediction").sum(axis=1).to_list() == pytest.approx([1, 1])


@pytest.mark.parametrize("missing", [None, float("nan"), pandas.NA])
def test_a_missing_number_is_filled_in(missing: Any) -> None:
    rows = pandas.DataFrame({"length": [missing, 5], "wild": ["true", "true"]})
    raw = model({"kind": "raw"}).predict(rows)
    assert raw.to_dict(orient="list") == {"prediction_0": [1, 5], "prediction_1": [0, 0], "prediction_2": [1, 1]}


def test_a_missing_category_without_a_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1, column 'wild'"):
        model(CLASSES).predict(pandas.DataFrame({"length": [1.0], "wild": [pandas.NA]}))


def test_an_array_is_answered_row_by_row_however_many_there_are() -> None:
    inputs = {"kind": "array", "shape": [1], "mean": [0.0], "scale": [1.0]}
    target = {"kind": "number", "name": "price", "mean": 3.0, "scale": 2.0}
    answers = model(target, inputs=inputs).predict(np.arange(3000.0).reshape(-1, 1))
    assert answers["prediction"].to_list() == [3.0 + 2 * row for row in range(3000)]


def test_no_rows_have_no_answers() -> None:
    rows = pandas.DataFrame({"length": [], "wild": []})
    assert model(CLASSES).predict(rows).shape == (0, 4)


@pytest.mark.parametrize("name", ["wine", "diabetes", "digits", "quadratic"])
def test_what_the_trainer_exports_answers_as_its_model_did(tmp_path: Path, name: str) -> None:
    files = CheckpointStore(tmp_path / "files")
    problem = ProblemConfig(dataset=name, model=None if name == "quadratic" else LinearModel())
    exported = done(Export(problem=problem, weights=weights_of(problem, files=files)), files=files).value
    assert isinstance(exported, Exported)
    stored = files.load(exported.file)
    about = AboutExport.model_validate_json(stored.text)
    (tmp_path / "program.pt2").write_bytes(stored.tensors[PROGRAM].numpy().tobytes())
    (tmp_path / "preprocessing.json").write_text(json.dumps(about.preprocessing))
    answers = _load_pyfunc(str(tmp_path)).predict(np.array(about.input_example))
    expected = np.array(about.output_example["predictions"])
    found = answers[[column for column in answers.columns if column.startswith("prediction")]].to_numpy()
    assert found.reshape(expected.shape).tolist() == expected.tolist()
    if "probabilities" in about.output_example:
        likely = answers.drop(columns="prediction").to_numpy()
        np.testing.assert_allclose(likely, about.output_example["probabilities"], rtol=1e-6)
