"""What a person is told of an imported data set: the facts and the report."""

from typing import Any

import numpy as np

from trainer.facts import ProblemFacts
from trainer.importing.dataset import Dataset
from trainer.importing.options import ImportOptions
from trainer.importing.refused import shown
from trainer.prepared import PARTS

_FORMATS = {"csv": "CSV", "parquet": "Parquet", "npz": "NPZ"}


def facts_of(dataset: Dataset) -> ProblemFacts:
    """The facts without a name or digest: one file may stand under several names, and cannot hold its own hash."""
    target = dataset.target
    counts = {part: len(dataset.rows[part]) for part in PARTS}
    shape = dataset.x["train"].shape[1:]
    features = f"images of {'x'.join(map(str, shape))}" if len(shape) == 3 else f"{shape[0]} features"
    wanted = f"{len(target.classes)} classes of" if target.classes else "the number"
    file_format = _FORMATS[dataset.reading["format"]]
    return ProblemFacts(
        name="uploaded",
        task=target.task,
        description=f"Uploaded {file_format}: {sum(counts.values())} rows, {features}, {wanted} {shown(target.name)}.",
        num_train=counts["train"],
        num_validation=counts["validation"],
        num_test=counts["test"],
        input_shape=shape,
        num_classes=len(target.classes),
        class_counts=tuple(row["train"] for row in class_counts(dataset)),
    )


def preprocessing_of(dataset: Dataset) -> dict[str, Any]:
    """What trainer.packed.preprocessing reads; numbers are standardised by the training rows."""
    target = dataset.target
    if target.classes:
        answer: dict[str, Any] = {"kind": "classes", "name": target.name, "classes": list(target.classes)}
    else:
        train = target.y[dataset.rows["train"]]
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is refused when it is standardised
            mean, scale = float(train.mean()), float(train.std())
        answer = {"kind": "number", "name": target.name, "mean": mean, "scale": scale}
    return {"inputs": dict(dataset.inputs), "target": answer}


def report_of(dataset: Dataset, *, options: ImportOptions) -> dict[str, Any]:
    """What was found and done: the rows, each column, the classes, the split, how the file was read, warnings."""
    return {
        "rows": sum(len(rows) for rows in dataset.rows.values()),
        "target": dataset.target.name,
        "task": dataset.target.task,
        "columns": dataset.columns,
        "classes": class_counts(dataset),
        "split": {**options.split.model_dump(), **{part: len(dataset.rows[part]) for part in PARTS}},
        "missing": options.missing,
        **dataset.reading,
        "warnings": [*dataset.remarks, *_about_classes(dataset)],
    }


def class_counts(dataset: Dataset) -> list[dict[str, Any]]:
    """The rows of each class in each part; empty where the target is a number."""
    classes = dataset.target.classes
    counts = (
        {part: np.bincount(dataset.target.y[dataset.rows[part]], minlength=len(classes)) for part in PARTS}
        if classes
        else {}
    )
    return [{"name": name, **{part: int(counts[part][index]) for part in PARTS}} for index, name in enumerate(classes)]


def _about_classes(dataset: Dataset) -> list[str]:
    counts = class_counts(dataset)
    if not counts:
        return []
    warnings = []
    train = [row["train"] for row in counts]
    share = max(train) / sum(train)
    if facts_of(dataset).is_unbalanced:
        largest = counts[train.index(max(train))]["name"]
        warnings.append(
            f"The classes are unbalanced: always saying {shown(largest)} has an accuracy of {share:.2f}. "
            "Search on val_balanced_accuracy, val_f1_macro or val_auc rather than val_accuracy."
        )
    absent = [row["name"] for row in counts if not (row["validation"] and row["test"])]
    if absent:
        warnings.append(f"Not every part has rows of the class {shown(absent[0])}: its scores there say little.")
    return warnings
