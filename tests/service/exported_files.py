"""Exported winners as the trainer writes them: tiny models, made here."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from trainer.config import FILE_TEXT, CheckpointRef, MetricConfig, ProblemConfig
from trainer.packed.preprocessing import decode, encode
from trainer.settings import Settings
from trainer.tasks.exported import PROGRAM, AboutExport

FLOWERS: dict[str, Any] = {
    "inputs": {
        "kind": "table",
        "columns": [
            {"name": "petal length", "kind": "number", "fill": None, "mean": 4.0, "scale": 2.0},
            {"name": "wild", "kind": "category", "fill": "true", "values": ["false", "true"]},
        ],
    },
    "target": {"kind": "classes", "name": "species", "classes": ["setosa", "virginica"]},
}
FLOWER_ROWS: list[Any] = [{"petal length": 3, "wild": "true"}, {"petal length": 5.5, "wild": "false"}]
IMAGES: dict[str, Any] = {
    "inputs": {"kind": "array", "shape": [1, 2, 2], "mean": [0.5], "scale": [2.0]},
    "target": {"kind": "number", "name": "brightness", "mean": 3.0, "scale": 2.0},
}
IMAGE_ROWS: list[Any] = [[[[1, 2], [3, 4]]], [[[0, 0.5], [7, 1]]]]
OWN: dict[str, Any] = {
    "inputs": {"kind": "array", "shape": [3], "mean": [0] * 3, "scale": [1] * 3},
    "target": {"kind": "raw"},
}
OWN_ROWS: list[Any] = [[1, 2, 3], [4, 5, 6]]


def export_in(
    folder: Path, *, preprocessing: dict[str, Any], rows: list[Any], seed: int = 0
) -> tuple[CheckpointRef, AboutExport]:
    """An exported affine layer in the folder of files, and what its file says."""
    encoded = torch.from_numpy(encode(preprocessing["inputs"], rows=rows))
    torch.manual_seed(seed)
    num_outputs = 1 if preprocessing["target"]["kind"] == "number" else 2
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(encoded[0].numel(), num_outputs)).eval()
    program = BytesIO()
    torch.export.save(torch.export.export(model, (encoded,), dynamic_shapes=({0: torch.export.Dim("batch")},)), program)
    with torch.no_grad():
        outputs = model(encoded).numpy()
    about = AboutExport(
        problem=ProblemConfig(dataset="digits"),
        preprocessing=preprocessing,
        input_example=rows,
        output_example=decode(preprocessing["target"], outputs=outputs),
        settings=Settings(learning_rate=0.25),
        seed=seed,
        metric=MetricConfig(),
        epoch=3,
        value=0.53,
        torch=torch.__version__,
    )
    bytes_ = torch.frombuffer(bytearray(program.getvalue()), dtype=torch.uint8)
    content = save({PROGRAM: bytes_}, metadata={FILE_TEXT: about.model_dump_json()})
    ref = CheckpointRef(sha256=sha256(content).hexdigest(), epoch=3, num_bytes=len(content))
    folder.mkdir(exist_ok=True)
    (folder / f"{ref.sha256}.safetensors").write_bytes(content)
    return ref, about
