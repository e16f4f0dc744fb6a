"""What a person may say about an upload; everything but the name and (for tables) the target can be guessed."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator

from trainer.frozen import Frozen

UploadFormat: TypeAlias = Literal["csv", "parquet", "npz"]
UploadTask: TypeAlias = Literal["classification", "regression"]
DatasetName: TypeAlias = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\w[\w.-]*$")]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class RandomSplit(Frozen):
    """60/20/20 by chance, each class divided alike."""

    kind: Literal["random"] = "random"
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Another seed deals the rows otherwise.")


class GroupSplit(Frozen):
    """About 60/20/20 of the rows; those with the same value in `column` stay together."""

    kind: Literal["group"] = "group"
    column: ColumnName


class TimeSplit(Frozen):
    """The oldest 60% by `column` train, the newest 20% test; equal times stay together."""

    kind: Literal["time"] = "time"
    column: ColumnName


class ColumnSplit(Frozen):
    """`column` says train, validation (val, valid) or test in every row."""

    kind: Literal["column"] = "column"
    column: ColumnName


Split: TypeAlias = Annotated[RandomSplit | GroupSplit | TimeSplit | ColumnSplit, Field(discriminator="kind")]


class ImportOptions(Frozen):
    """How an upload is to be read; the same upload with the same options becomes the same file."""

    name: DatasetName = Field(description="What sweeps call the data set: letters, digits, _ . and -.")
    target: ColumnName | None = Field(default=None, description="The column to predict; NPZ: the array, y by default.")
    task: UploadTask | None = Field(default=None, description="Guessed from the target where it is null.")
    format: UploadFormat | None = Field(default=None, description="Guessed from the content where it is null.")
    split: Split = Field(default=RandomSplit(), description="Which rows train, validate and test.")
    missing: Literal["refuse", "impute"] = Field(
        default="refuse",
        description="impute: the median or the most frequent value of the training rows stands for missing ones.",
    )
    ignore: tuple[ColumnName, ...] = Field(default=(), max_length=10_000, description="Columns to leave out.")
    max_categories: int = Field(default=100, ge=2, le=1000, description="The most texts of a column that is one-hot.")
    delimiter: str | None = Field(
        default=None, pattern=r'^[^"\r\n\x00]$', description="CSV: guessed among , ; tab and | where it is null."
    )
    decimal: Literal[".", ","] = Field(default=".", description="CSV: what stands before the decimals.")
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = Field(default="utf-8", description="CSV: its encoding.")

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab_by_name(cls, value: Any) -> Any:
        return "\t" if value in ("tab", "\\t") else value
