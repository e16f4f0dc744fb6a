"""What is done with a trained model: predictions, and its export as a program of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.trained_weights import done, weights_of
from trainer.checkpoint import CheckpointStore
from trainer.config import CnnModel, LinearModel, MlpModel, ProblemConfig, ResnetModel
from trainer.packed.preprocessing import encode
from trainer.problem import build_problem
from trainer.randomness import initial_model
from trainer.task import Export, Exported, Predict, Prediction
from trainer.tasks.example import OTHER, rows_of
from trainer.tasks.exported import PROGRAM, AboutExport

CPU = torch.device("cpu")
WINE = ProblemConfig(dataset="wine", model=MlpModel(hidden=(8,), dropout=0.5))
PROBLEMS = [
    WINE,
    ProblemConfig(dataset="diabetes", model=LinearModel()),
    ProblemConfig(dataset="digits", model=CnnModel(channels=(4,))),
    ProblemConfig(dataset="digits", model=ResnetModel(channels=(4, 8))),
    ProblemConfig(dataset="quadratic"),
]
TABLE = {
    "kind": "table",
    "columns": [
        {"name": "age", "kind": "number", "fill": None, "mean": 40.1, "scale": 12.0},
        {"name": "colour", "kind": "category", "fill": None, "values": ["blue", "red"]},
    ],
}

LOAD_AND_RUN = """
import io, json, struct, sys, torch
content = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", content[:8])[0]
begin, end = json.loads(content[8 : 8 + size])["program"]["data_offsets"]
program = torch.export.load(io.BytesIO(content[8 + size + begin : 8 + size + end])).module()
x = torch.tensor(json.loads(sys.stdin.read()))
print(json.dumps([program(x).tolist(), program(x[:1]).tolist(), "trainer" in sys.modules]))
"""


@pytest.fixture
def files(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "files")


def eager_outputs(problem: ProblemConfig, *, files: CheckpointStore, sha256: str) -> torch.Tensor:
    """The outputs for the validation part of a model that is filled by hand."""
    built = build_problem(problem, device=CPU, files=files)
    model = initial_model(built.model, seed=0).eval()
    model.load_state_dict(dict(files.read(sha256).tensors), strict=problem.dataset != "quadratic")
    with torch.no_grad():
        outputs: torch.Tensor = model(built.validation.x)
    return outputs


def raw_rows(problem: ProblemConfig, *, files: CheckpointStore) -> list[Any]:
    built = build_problem(problem, device=CPU, files=files)
    return rows_of(built.preprocessing["inputs"], encoded=built.validation.x.numpy())


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: f"{one.name}-{one.model.kind if one.model else 'own'}")
def test_predictions_and_the_exported_program_are_the_models(files: CheckpointStore, problem: ProblemConfig) -> None:
    weights = weights_of(problem, files=files)
    rows = raw_rows(problem, files=files)
    said = done(Predict(problem=problem, weights=weights, rows=rows), files=files).value
    exported = done(Export(problem=problem, weights=weights), files=files).value
    assert isinstance(said, Prediction)
    assert isinstance(exported, Exported)
    expected = eager_outputs(problem, files=files, sha256=weights.sha256)
    if said.probabilities is not None:
        torch.testing.assert_close(torch.tensor(said.probabilities), expected.softmax(dim=1), rtol=1e-5, atol=1e-6)
        assert said.classes is not None
        assert said.predictions == [said.classes[index] for index in expected.argmax(dim=1)]

    stored = files.load(exported.file)
    about = AboutExport.model_validate_json(stored.text)
    assert (about.problem, about.epoch, about.torch) == (problem, 1, str(torch.__version__))
    example = Predict(problem=problem, weights=weights, rows=about.input_example)
    value = done(example, files=files).value
    assert isinstance(value, Prediction)
    assert value.predictions == about.output_example["predictions"]


def test_an_exported_program_runs_with_torch_alone(files: CheckpointStore) -> None:
    weights = weights_of(WINE, files=files)
    exported = done(Export(problem=WINE, weights=weights), files=files).value
    assert isinstance(exported, Exported)
    assert exported.file.num_bytes == files.path(exported.file.sha256).stat().st_size
    assert files.load(exported.file).tensors[PROGRAM].dtype == torch.uint8
    x = build_problem(WINE, device=CPU, files=files).validation.x
    run = subprocess.run(
        [sys.executable, "-I", "-c", LOAD_AND_RUN, str(files.path(exported.file.sha256))],
        input=json.dumps(x.tolist()),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd="/",
    )
    outputs, of_one, has_ravine = json.loads(run.stdout)
    expected = eager_outputs(WINE, files=files, sha256=weights.sha256)
    torch.testing.assert_close(torch.tensor(outputs), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(torch.tensor(of_one), expected[:1], rtol=1e-5, atol=1e-6)
    assert not has_ravine


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ([1.0, 2.0], "row 2"),
        ([None] * 13, "row 2"),
        ({"a": "b"}, "row 2"),
        ([1e300] * 13, "row 2"),
        ([1e38] * 13, "row 2"),
    ],
)
def test_rows_that_do_not_fit_are_the_users_fault(files: CheckpointStore, row: Any, place: str) -> None:
    body = Predict(problem=WINE, weights=weights_of(WINE, files=files), rows=[[1.0] * 13, row])
    result = done(body, files=files)
    assert result.fault
    assert result.error is not None
    assert result.error.startswith(place)


def test_the_cells_of_a_named_row_are_an_arrays_numbers_in_their_order(files: CheckpointStore) -> None:
    weights = weights_of(WINE, files=files)
    (row,) = raw_rows(WINE, files=files)[:1]
    named = {f"column {index}": str(number) for index, number in enumerate(row)}
    values = [done(Predict(problem=WINE, weights=weights, rows=[one]), files=files).value for one in (row, named)]
    assert isinstance(values[0], Prediction)
    assert values[0] == values[1]


@pytest.mark.parametrize("kind", [Predict, Export])
def test_a_file_that_is_missing_is_the_worlds_fault(files: CheckpointStore, kind: type[Predict | Export]) -> None:
    missing = weights_of(WINE, files=files).model_copy(update={"sha256": "0" * 64})
    rows = {"rows": [[1.0] * 13]} if kind is Predict else {}
    result = done(kind.model_validate({"problem": WINE, "weights": missing, **rows}), files=files)
    assert not result.fault
    assert "cannot be read" in (result.error or "")


def test_weights_of_another_model_are_refused(files: CheckpointStore) -> None:
    weights = weights_of(WINE, files=files)
    other = ProblemConfig(dataset="wine", model=MlpModel(hidden=(9,)))
    assert "do not fit" in (done(Export(problem=other, weights=weights), files=files).error or "")


def test_a_task_leaves_torchs_generator_as_it_was(files: CheckpointStore) -> None:
    weights = weights_of(WINE, files=files)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert done(Export(problem=WINE, weights=weights), files=files).error is None
    assert torch.equal(torch.get_rng_state(), state)


def test_a_table_is_led_back_to_its_rows() -> None:
    rows = [{"age": 39.0, "colour": "red"}, {"age": -12.5, "colour": "blue"}, {"age": 1e6, "colour": OTHER}]
    encoded = encode(TABLE, rows=rows)
    assert rows_of(TABLE, encoded=encoded) == rows
    assert encoded.dtype == np.float32
