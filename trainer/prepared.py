"""An uploaded data set as it is stored: one safetensors file, split, encoded and described. Torch-free.

Tensors: `train_x`, `train_y`, `validation_x`, `validation_y`, `test_x`, `test_y`. x is float32, (n, features) or
(n, channels, height, width), standardised as `preprocessing` says; y is int64 (n,) class numbers or float32 (n, 1),
standardised. The file's name is its SHA-256; the metadata entry FILE_TEXT holds `AboutData` as JSON.
"""

from typing import Any, Literal

from trainer.facts import ProblemFacts
from trainer.frozen import Frozen

PARTS = ("train", "validation", "test")


class AboutData(Frozen):
    """The text in a prepared file. `facts.digest` is None here: a file cannot hold its own hash.

    `preprocessing` is what trainer.packed.preprocessing reads: how a row becomes numbers, and numbers an answer.
    `report` tells a person what was found and done: columns, types, missing values, the split, warnings.
    """

    kind: Literal["dataset"] = "dataset"
    facts: ProblemFacts
    preprocessing: dict[str, Any]
    report: dict[str, Any]
