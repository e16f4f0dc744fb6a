"""Reads the file of an exported winner, which the trainer wrote."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from trainer.config import FILE_TEXT
from trainer.tasks.exported import PROGRAM, AboutExport


@dataclass(frozen=True)
class ExportedModel:
    """`program` is what torch.export.save wrote, `about` what is known of it."""

    program: bytes
    about: AboutExport


def read_export(path: Path) -> ExportedModel:
    """The exported winner in this file. ValueError where it is missing or holds none."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = AboutExport.model_validate_json(file.metadata()[FILE_TEXT])
            return ExportedModel(file.get_tensor(PROGRAM).tobytes(), about)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValidationError) as error:
        raise ValueError(f"{path.name} holds no exported model: {error}") from error
