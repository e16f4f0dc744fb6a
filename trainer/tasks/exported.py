"""A winner as a file that runs without Ravine: one tensor of bytes, and a text about them. Torch-free.

The tensor PROGRAM (uint8) is what torch.export.save wrote: `torch.export.load(BytesIO(bytes)).module()` maps inputs of
any number of examples to outputs on the CPU: encoded as `preprocessing` says, in the type of the training data (float32
but for plugins). The metadata entry FILE_TEXT holds `AboutExport` as JSON.
"""

from typing import Any, Literal

from trainer.config import MetricConfig, ProblemConfig
from trainer.frozen import Frozen
from trainer.settings import Settings

PROGRAM = "program"


class AboutExport(Frozen):
    """The text in the file: how rows become inputs and outputs answers, and the training that the model comes from.

    `input_example` are rows as a person has them, `output_example` is what trainer.packed.preprocessing.decode answers
    to them. `epoch` and `value` are those of the weights, by the metric that was searched on. `torch` is the version
    that wrote the program.
    """

    kind: Literal["export"] = "export"
    problem: ProblemConfig
    preprocessing: dict[str, Any]
    input_example: list[dict[str, Any] | list[Any]]
    output_example: dict[str, Any]
    settings: Settings
    seed: int
    metric: MetricConfig
    epoch: int
    value: float
    torch: str
