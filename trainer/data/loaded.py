"""The data of a problem, placed and kept for the trials that follow: built-in data sets, and uploaded ones."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from pydantic import ValidationError

from trainer.catalog import dataset
from trainer.checkpoint import CheckpointStore
from trainer.data.datasets import Part, Parts, load
from trainer.data.placing import placed
from trainer.errors import CheckpointError, ProblemError
from trainer.facts import ProblemFacts
from trainer.prepared import PARTS, AboutData


@dataclass(frozen=True)
class Data:
    """What is known of a data set, and its parts."""

    facts: ProblemFacts
    parts: Parts


def built_in_data(name: str, *, device: torch.device) -> Data:
    """A data set that ships with Ravine; ValueError for an unknown name."""
    return _built_in(name, device)


def uploaded_data(digest: str, *, files: CheckpointStore, device: torch.device) -> Data:
    """The prepared file of this digest; ProblemError where it is missing, damaged or something else."""
    return _uploaded(digest, files.folder, device)


# Sweeps come and go in a warm worker: only the last few data sets stay in memory.
@lru_cache(maxsize=4)
def _built_in(name: str, device: torch.device) -> Data:
    return Data(dataset(name), placed(load(name), device=device))


@lru_cache(maxsize=4)
def _uploaded(digest: str, folder: Path, device: torch.device) -> Data:
    try:
        stored = CheckpointStore(folder).read(digest)
        about = AboutData.model_validate_json(stored.text)
        train, validation, test = (Part(stored.tensors[f"{part}_x"], stored.tensors[f"{part}_y"]) for part in PARTS)
    except CheckpointError as error:
        raise ProblemError(f"The uploaded data set {digest} cannot be loaded; upload it again: {error}") from error
    except (ValidationError, KeyError) as error:
        raise ProblemError(f"The file {digest} holds no data set: {error}") from error
    facts = about.facts.model_copy(update={"digest": digest})
    return Data(facts, placed(Parts(train, validation, test, preprocessing=about.preprocessing), device=device))
