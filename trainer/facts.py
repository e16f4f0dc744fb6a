"""What is known of something that can be trained without loading it. Torch-free."""

from typing import Literal, TypeAlias

from pydantic import Field

from trainer.frozen import Frozen
from trainer.settings import Setting

LARGE_SHARE = 0.7
LARGE_RATIO = 3.0

LearningTask: TypeAlias = Literal["classification", "regression", "quadratic", "own"]
"""`own`: a plugin with a loss of its own, of whose outputs nothing is known."""


class ProblemFacts(Frozen):
    """A data set or a plugin's problem; `num_*` count examples and are None where only loading it would tell.

    `digest` pins the content: the SHA-256 of the prepared file of an uploaded data set (its name in the store of
    files), of a plugin's source; None for what ships with Ravine. `input_shape` is that of one example: (features,) or
    (channels, height, width). `class_counts` are the examples of each class in the training part. `metrics` are the
    metrics that can be asked for besides the losses. `settings` are a plugin's own, by path (`problem.<name>`), with a
    sentence each; `defaults` are their values where a sweep says nothing.
    """

    name: str
    kind: Literal["dataset", "plugin"] = "dataset"
    task: LearningTask
    description: str
    digest: str | None = None
    num_train: int | None = None
    num_validation: int | None = None
    num_test: int | None = None
    input_shape: tuple[int, ...] = ()
    num_classes: int = 0
    class_counts: tuple[int, ...] = ()
    brings_model: bool = False
    metrics: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, Setting] = Field(default_factory=dict)

    @property
    def is_unbalanced(self) -> bool:
        """Whether accuracy looks well where the most frequent class alone is guessed."""
        counts = self.class_counts
        return bool(counts) and (max(counts) > LARGE_SHARE * sum(counts) or max(counts) >= LARGE_RATIO * min(counts))

    @property
    def num_features(self) -> int:
        """Numbers in one example."""
        product = 1
        for size in self.input_shape:
            product *= size
        return product
