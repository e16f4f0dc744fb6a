"""What is brought to MLflow in one step: runs that are to be made, and what is to be added to runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.recorder.content import Point, RunContent, RunStatus
from service.recorder.data_content import DataContent


@dataclass(frozen=True)
class NewRun:
    """A run that is to be made with the tags of its content and nothing else; `parent`: the id of its parent run."""

    experiment_id: str
    content: RunContent
    parent: str | None

    @property
    def tags(self) -> dict[str, str]:
        """Those of the content, and whose child it is."""
        parent = {} if self.parent is None else {"mlflow.parentRunId": self.parent}
        return self.content.tags | parent


@dataclass(frozen=True)
class Delivery:
    """What is new about one run; what MLflow holds already may be among it.

    A `status` of None leaves it as it is; one without `ended_ms` is that of a run which goes on.
    """

    run_id: str
    points: tuple[Point, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    status: RunStatus | None = None
    ended_ms: int | None = None
    data: DataContent | None = None
