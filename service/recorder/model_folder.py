"""Writes an exported winner as the folder of an MLflow model that loads where there is no Ravine.

It is the flavor `python_function` with our own loader, written without mlflow.pyfunc: mlflow.pytorch would pickle our
classes, and both import far more than a recorder needs.
"""

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType

from service.recorder.export_file import ExportedModel
from trainer.tasks.exported import AboutExport

PACKAGE = "ravine_model"
PACKED = ("packed_model", "preprocessing")  # modules of the trainer that travel as they are
_KINDS = {bool: DataType.boolean, int: DataType.long, float: DataType.double}


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: MLflow's ids of it and of the sweep's run, and what its metadata says."""

    model_id: str
    run_id: str
    metadata: dict[str, Any]


def write_model_folder(exported: ExportedModel, *, folder: Path, origin: Origin) -> None:
    """Fills an empty folder."""
    about = exported.about
    (folder / "data").mkdir()
    (folder / "data" / "program.pt2").write_bytes(exported.program)
    _write_json(folder / "data" / "preprocessing.json", value=about.preprocessing)
    code = folder / "code" / PACKAGE
    code.mkdir(parents=True)
    (code / "__init__.py").touch()
    for module in PACKED:
        (code / f"{module}.py").write_text(files("trainer.packed").joinpath(f"{module}.py").read_text("utf-8"), "utf-8")
    (folder / "requirements.txt").write_text("\n".join([*_requirements(about), ""]))
    environment = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(environment, sort_keys=False))
    example, serving = _examples(about)
    _write_json(folder / "input_example.json", value=example)
    _write_json(folder / "serving_input_example.json", value=serving)
    _described(about, origin=origin).save(folder / "MLmodel")


def signature(about: AboutExport) -> ModelSignature:
    """What the model reads and answers.

    Columns are of any type: the preprocessing takes whole numbers, true and false too, which MLflow would refuse to
    turn into doubles and texts. A column whose missing values are filled in may be left out.
    """
    inputs = about.preprocessing["inputs"]
    if inputs["kind"] == "array":
        read = Schema([TensorSpec(np.dtype(np.float64), (-1, *inputs["shape"]))])
    else:
        columns, any_type = inputs["columns"], AnyType()  # type: ignore[no-untyped-call]  # MLflow has no types here
        read = Schema([ColSpec(any_type, one["name"], required=one["fill"] is None) for one in columns])
    return ModelSignature(inputs=read, outputs=_answered(about))


def _answered(about: AboutExport) -> Schema | None:
    """The columns that trainer.packed.packed_model answers with; None where nothing is known of the outputs."""
    target = about.preprocessing["target"]
    if target["kind"] == "raw":
        return None
    if target["kind"] == "number":
        return Schema([ColSpec(DataType.double, "prediction")])
    classes = target["classes"]
    kind = DataType.string if any(isinstance(one, str) for one in classes) else _KINDS[type(classes[0])]
    return Schema([ColSpec(kind, "prediction"), *(ColSpec(DataType.double, f"probability_{one}") for one in classes)])


def _requirements(about: AboutExport) -> list[str]:
    torch = about.torch.partition("+")[0]  # +cpu and the like are not on the index
    return [f"mlflow=={version('mlflow')}", f"numpy=={version('numpy')}", f"torch=={torch}"]


def _examples(about: AboutExport) -> tuple[Any, dict[str, Any]]:
    """The example rows as MLflow stores them, and as they are sent to a served model."""
    inputs = about.preprocessing["inputs"]
    if inputs["kind"] == "array":
        rows = np.array(about.input_example, dtype=np.float64).reshape(-1, *inputs["shape"]).tolist()
        return rows, {"inputs": rows}
    names = [column["name"] for column in inputs["columns"]]
    cells = [[row.get(name) for name in names] for row in about.input_example if isinstance(row, dict)]
    table = {"columns": names, "data": cells}
    return table, {"dataframe_split": table}


def _described(about: AboutExport, *, origin: Origin) -> Model:
    is_array = about.preprocessing["inputs"]["kind"] == "array"
    kind = {"type": "ndarray"} if is_array else {"type": "dataframe", "pandas_orient": "split"}
    model = Model(
        artifact_path=f"models:/{origin.model_id}",
        model_id=origin.model_id,
        model_uuid=origin.model_id,
        run_id=origin.run_id,
        signature=signature(about),
        saved_input_example_info={
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            **kind,
        },
        metadata=origin.metadata,
    )
    return model.add_flavor(
        "python_function",
        loader_module=f"{PACKAGE}.{PACKED[0]}",
        code="code",
        data="data",
        env={"virtualenv": "python_env.yaml"},
        python_version=platform.python_version(),
    )


def _write_json(path: Path, *, value: Any) -> None:
    path.write_text(json.dumps(value), "utf-8")
