"""From the record of an uploaded data set to the shape of the API."""

from service.data_schemas import DatasetAnswer
from service.records import Dataset
from service.schemas import at
from trainer import catalog


def dataset_answer(dataset: Dataset, *, with_report: bool = True) -> DatasetAnswer:
    """A data set as clients see it; the report of one with thousands of columns is too much for a list."""
    facts = dataset.facts
    return DatasetAnswer(
        name=dataset.name,
        task=facts.task,
        description=facts.description,
        rows={"train": facts.num_train or 0, "validation": facts.num_validation or 0, "test": facts.num_test or 0},
        input_shape=facts.input_shape,
        num_classes=facts.num_classes,
        class_counts=facts.class_counts,
        metrics=list(catalog.metrics(facts)),
        report=dataset.report if with_report else None,
        warnings=list(dataset.report.get("warnings", ())),
        sha256=dataset.file.sha256,
        num_bytes=dataset.file.num_bytes,
        created_at=at(dataset.created_at),
    )
