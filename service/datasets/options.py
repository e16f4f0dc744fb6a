"""The form of an upload: short texts that say how the file is to be read."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from service.datasets.form import FILE
from service.datasets.importing import form_field
from service.errors import InvalidRequest
from sweeps.wrong import FieldError, one_of
from trainer.importing.options import ImportOptions

SPLIT_FIELDS: Mapping[str, dict[str, Any]] = {
    "split": {
        "type": "string",
        "enum": ["random", "group", "time", "column"],
        "default": "random",
        "description": "Which rows train, validate and test: 60/20/20 by chance (each class alike); whole groups; the "
        "oldest train and the newest test; or as a column says (train, validation, test).",
    },
    "split_column": {"type": "string", "description": "The column of a split by group, time or column."},
    "split_seed": {"type": "integer", "default": 0, "description": "Of the random split."},
}
SPLIT_KEYS = {"split": "kind", "split_column": "column", "split_seed": "seed"}
SPLIT_OF = {
    "split_column": "say split=group, split=time or split=column with it, or leave it out",
    "split_seed": "leave it out: only split=random goes by chance",
}
NUM_NAME_LETTERS = 100


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """An option as a form bears it: without null, lists as one text."""
    chosen: dict[str, Any] = next((one for one in schema.pop("anyOf", []) if one.get("type") != "null"), {})
    plain = {**chosen, **schema}
    plain.pop("title", None)
    if plain.get("default", "") is None:
        del plain["default"]
    if plain.get("type") == "array":
        return {"type": "string", "description": f"{plain['description']} Names with commas between them."}
    return plain


def _fields() -> dict[str, dict[str, Any]]:
    properties = ImportOptions.model_json_schema()["properties"]
    of_model = {name: _plain(schema) for name, schema in properties.items() if name != "split"}
    of_model["name"]["description"] += " The file's own name where it is left out."
    file = {"type": "string", "format": "binary", "description": "CSV, Parquet or NPZ."}
    return {FILE: file, **of_model, **SPLIT_FIELDS}


FIELDS: Mapping[str, dict[str, Any]] = _fields()
"""The parts of the form, each with its JSON schema."""


def options_of(texts: Mapping[str, str], *, file_name: str) -> ImportOptions:
    """What the form says; an empty text is none. Raises InvalidRequest naming every field that is wrong."""
    said = {name: text for name, text in texts.items() if text != ""}
    values: dict[str, Any] = {name: text for name, text in said.items() if name not in SPLIT_KEYS}
    values.setdefault("name", name_of(file_name))
    if "ignore" in values:
        values["ignore"] = [name.strip() for name in values["ignore"].split(",")]
    split = {SPLIT_KEYS[name]: text for name, text in said.items() if name in SPLIT_KEYS}
    if split:
        values["split"] = {"kind": "random", **split}
    try:
        return ImportOptions.model_validate(values)
    except ValidationError as error:
        faults = tuple(_faults(error))
        raise InvalidRequest("; ".join(map(str, faults)), errors=faults) from error


def name_of(file_name: str) -> str:
    """A name for a data set, made of the name of its file."""
    stem = PurePosixPath(file_name.replace("\\", "/")).stem
    fit = re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:NUM_NAME_LETTERS]
    return fit or "dataset"


def _faults(error: ValidationError) -> Iterator[FieldError]:
    for fault in error.errors():
        place = [str(part) for part in fault["loc"] if not isinstance(part, int)]
        field = place[0] if place[0] != "split" else form_field(".".join(("split", *place[2:])))
        if fault["type"] == "extra_forbidden" and field in SPLIT_KEYS:
            message, mend = f"is not for split={place[1]}", SPLIT_OF[field]
        elif fault["type"] == "extra_forbidden":
            message, mend = "is no part of this form", one_of(field, known=FIELDS)
        elif fault["type"] == "union_tag_invalid":
            message, mend = "is none of the splits", one_of(fault["ctx"]["tag"], known=FIELDS[field]["enum"])
        else:
            message, mend = fault["msg"], FIELDS.get(field, {}).get("description", "leave it out")
        yield FieldError(field[:100], message[:300], mend)
