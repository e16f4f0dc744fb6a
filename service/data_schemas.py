"""What the API says of uploaded data sets: the shapes that clients rely on."""

from typing import Any

from service.schemas import Answer, Time


class DatasetAnswer(Answer):
    """An uploaded data set.

    `rows` counts the examples in each part of it. `class_counts` are those of the training part, in the order of
    classes. `report` tells what was found in the upload and done to it: columns with their types, missing values, the
    split, warnings; null in lists. `sha256` is of the prepared file: it is the digest to which a sweep is pinned.
    """

    name: str
    task: str
    description: str
    rows: dict[str, int]
    input_shape: tuple[int, ...]
    num_classes: int
    class_counts: tuple[int, ...]
    metrics: list[str]
    report: dict[str, Any] | None
    warnings: list[str]
    sha256: str
    num_bytes: int
    created_at: Time
