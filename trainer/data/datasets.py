"""The built-in data: loaded, split 60/20/20 and standardised, the same rows for everybody who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.catalog import dataset
from trainer.data.dealing import dealt
from trainer.errors import ProblemError
from trainer.facts import ProblemFacts

Floats: TypeAlias = NDArray[np.float64]

SPLIT_SEED = 20

_CLASSES: dict[str, tuple[str, list[Any]]] = {
    "digits": ("digit", list(range(10))),
    "breast_cancer": ("diagnosis", ["malignant", "benign"]),
    "wine": ("cultivar", ["class_0", "class_1", "class_2"]),
}
"""What the target is called, and its classes in the order of their numbers, as scikit-learn names them."""


class Part(NamedTuple):
    """One part of the data: inputs (n, features) or images, targets (n,) class numbers or (n, 1) numbers."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Parts:
    """Train fits, validation steers, and nothing but finalists reads test.

    `preprocessing` says how a row became numbers and what an output means, as trainer.packed.preprocessing reads it.
    """

    train: Part
    validation: Part
    test: Part
    preprocessing: Mapping[str, Any]


@cache
def load(name: str, *, dtype: torch.dtype = torch.float32) -> Parts:
    """The parts of a data set on the CPU; ValueError for an unknown name, ProblemError where the files are missing.

    The tensors are shared by all callers of this process: never write to them.
    """
    info = dataset(name)
    if info.task == "quadratic":
        return _identical_examples(info, dtype=dtype)
    x, y = _read(name)
    rows = dealt(y, seed=SPLIT_SEED, stratified=info.task == "classification")
    train = rows["train"]
    inputs, target = _moments(x[train]), _moments(y[train][:, None])
    x = (x - inputs.mean) / inputs.scale
    if info.task == "regression":
        y = (y[:, None] - target.mean) / target.scale
    target_dtype = torch.int64 if info.task == "classification" else dtype
    parts = {
        part: Part(torch.tensor(x[index], dtype=dtype), torch.tensor(y[index], dtype=target_dtype))
        for part, index in rows.items()
    }
    return Parts(**parts, preprocessing=_preprocessing(name, inputs=inputs, target=target))


class _Moments(NamedTuple):
    """What standardises a column, (columns,): less the mean, over the scale."""

    mean: Floats
    scale: Floats


def _moments(train: Floats) -> _Moments:
    """Of each column the mean and the standard deviation (1 where it is constant)."""
    deviation = train.std(axis=0)
    return _Moments(train.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def _preprocessing(name: str, *, inputs: _Moments, target: _Moments) -> dict[str, Any]:
    if name in _CLASSES:
        target_name, classes = _CLASSES[name]
        described: dict[str, Any] = {"kind": "classes", "name": target_name, "classes": classes}
    else:
        mean, scale = target.mean.item(), target.scale.item()
        described = {"kind": "number", "name": "progression", "mean": mean, "scale": scale}
    return {"inputs": _array(inputs), "target": described}


def _array(moments: _Moments) -> dict[str, Any]:
    mean, scale = moments.mean.tolist(), moments.scale.tolist()
    return {"kind": "array", "shape": [len(mean)], "mean": mean, "scale": scale}


def _read(name: str) -> tuple[Floats, Floats]:
    """Inputs (n, features) and targets (n,) as scikit-learn's own loaders give them (diabetes: scaled=False)."""
    if name == "diabetes":
        return _table("diabetes_data_raw.csv.gz"), _table("diabetes_target.csv.gz").reshape(-1)
    if name == "digits":
        rows = _table("digits.csv.gz", delimiter=",")
    else:
        file_name = {"breast_cancer": "breast_cancer.csv", "wine": "wine_data.csv"}[name]
        rows = _table(file_name, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1]


def _table(file_name: str, **how: Any) -> Floats:
    # The file is read where scikit-learn packs it, without importing scikit-learn: its import alone takes 1.6 s, and
    # the first epoch report of a cold worker must be there within 4 s of the POST.
    spec = find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "datasets" / "data" / file_name
        if path.is_file():
            return np.loadtxt(path, dtype=np.float64, **how)
    raise ProblemError(f"scikit-learn's {file_name} is missing; install scikit-learn as the constraints file pins it")


def _identical_examples(info: ProblemFacts, *, dtype: torch.dtype) -> Parts:
    def ones(num_rows: int | None) -> Part:
        assert num_rows is not None
        return Part(torch.ones(num_rows, 1, dtype=dtype), torch.zeros(num_rows, 1, dtype=dtype))

    return Parts(
        train=ones(info.num_train),
        validation=ones(info.num_validation),
        test=ones(info.num_test),
        preprocessing={"inputs": _array(_Moments(np.zeros(1), np.ones(1))), "target": {"kind": "raw"}},
    )
