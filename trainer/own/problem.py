"""A plugin's problem: its function called with this trial's settings, its data on the device."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from trainer.config import ProblemConfig
from trainer.data.datasets import Part, Parts
from trainer.data.placing import placed
from trainer.errors import ProblemError
from trainer.facts import ProblemFacts
from trainer.own.discovery import Found, plugin_named
from trainer.own.settings import chosen
from trainer.plugins import Array, Examples, Problem
from trainer.randomness import seeded

DATA_SEED = 20


@dataclass(frozen=True)
class OwnProblem:
    """What the author returned, its data as Ravine keeps them, and the facts with what only the data tell."""

    facts: ProblemFacts
    said: Problem
    parts: Parts


def own_problem(config: ProblemConfig, *, device: torch.device) -> OwnProblem:
    """The problem of the plugin that the config names; shared by the trials with the same settings of its own.

    ValueError names a setting that is wrong. ProblemError where there is no such plugin here, where its source is not
    the one that the sweep was pinned to, or where it returns something else than it declares. What its code raises
    goes through.
    """
    found = plugin_named(config.name)
    if config.digest not in (None, found.facts.digest):
        raise ProblemError(
            f"The source of the problem {config.name!r} here ({found.plugin.source.name}) differs from the one that "
            "the sweep was pinned to; give this worker that version back, or start a new sweep"
        )
    settings = chosen(found.plugin.settings, values=config.settings)
    return _called(found, json.dumps(settings, sort_keys=True), device)


@lru_cache(maxsize=4)
def _called(found: Found, settings_json: str, device: torch.device) -> OwnProblem:
    with seeded(DATA_SEED):  # whichever worker draws or splits the data, they are the same
        said = found.plugin(**json.loads(settings_json))
    if not isinstance(said, Problem):
        raise ProblemError(f"{found.plugin.name}: the function returned {type(said).__name__}; return a Problem(...)")
    declared = found.plugin.metrics
    if set(said.metrics) != set(declared):
        raise ProblemError(
            f"{found.plugin.name}: its Problem has the metrics {sorted(said.metrics)}, and @problem declares "
            f"{sorted(declared)}; make them the same"
        )
    parts = placed(_parts(said, facts=found.facts), device=device)
    return OwnProblem(facts=_completed(found.facts, parts=parts), said=said, parts=parts)


def _parts(said: Problem, *, facts: ProblemFacts) -> Parts:
    train, validation, test = (_part(one, facts=facts) for one in (said.train, said.validation, said.test))
    shape = list(train.x.shape[1:])
    size = shape[0] if shape else 1
    inputs = {"kind": "array", "shape": shape, "mean": [0.0] * size, "scale": [1.0] * size}
    target: dict[str, Any] = {"kind": "raw"}
    if facts.task == "classification":
        num_classes = 1 + max(int(part.y.max()) for part in (train, validation, test))
        target = {"kind": "classes", "name": "target", "classes": list(range(num_classes))}
    elif facts.task == "regression":
        target = {"kind": "number", "name": "target", "mean": 0.0, "scale": 1.0}
    return Parts(train, validation, test, preprocessing={"inputs": inputs, "target": target})


def _part(examples: Examples, *, facts: ProblemFacts) -> Part:
    x, y = (_tensor(array) for array in examples)
    if facts.task == "classification":
        if y.dim() != 1 or y.is_complex() or (y < 0).any() or (y != y.long()).any():
            raise ProblemError(f"{facts.name}: targets of a classification are class numbers 0, 1, ... of shape (n,)")
        y = y.long()
    elif facts.task == "regression" and y.dim() == 1:
        y = y[:, None]  # beside outputs (n, 1), (n,) would be broadcast to (n, n)
    return Part(x, y)


def _tensor(array: Array) -> Tensor:
    """Floating arrays in torch's default type (NumPy's own is float64); tensors stay as they are."""
    if isinstance(array, Tensor):
        return array.detach()
    tensor = torch.tensor(array)
    return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor


def _completed(facts: ProblemFacts, *, parts: Parts) -> ProblemFacts:
    target = parts.preprocessing["target"]
    return facts.model_copy(
        update={
            "num_train": len(parts.train.x),
            "num_validation": len(parts.validation.x),
            "num_test": len(parts.test.x),
            "input_shape": tuple(parts.train.x.shape[1:]),
            "num_classes": len(target["classes"]) if target["kind"] == "classes" else 0,
        }
    )
