"""The question which parameters matter, as JSON. What answers it (importances) is too heavy to be imported."""

from pydantic import Field

from sweeps.space.search_space import SearchSpace
from sweeps.spec import SweepSpec
from trainer.frozen import Frozen
from trainer.settings import Setting


class Ranked(Frozen):
    """One trial and what it is worth."""

    settings: dict[str, Setting]
    value: float


class Question(Frozen):
    """A resolved spec and its trials (sweeps.insights.outcomes.evidence)."""

    spec: SweepSpec
    trials: list[Ranked] = Field(min_length=1)

    @property
    def space(self) -> SearchSpace:
        """The space that was searched."""
        return self.spec.search_space
