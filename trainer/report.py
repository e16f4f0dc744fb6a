"""What a training says and what it is answered. Torch-free."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainer.config import CheckpointRef
from trainer.frozen import Frozen

MAX_TEXT = 20_000
Text = Annotated[str, AfterValidator(lambda text: text.replace("\0", "\N{REPLACEMENT CHARACTER}")[-MAX_TEXT:])]
"""What user code says of itself: its end, without the NUL that no database takes."""


class Verdict(StrEnum):
    """The answer to an epoch report: go on; keep the state and leave the slot; end."""

    CONTINUE = "CONTINUE"
    PAUSE = "PAUSE"
    STOP = "STOP"


class EpochReport(Frozen):
    """The metrics of one attempt after one pass over its training data.

    `epoch` counts from 1. A metric that is not finite is None. `seconds` is the training time of this attempt so far.
    `last` says that no epoch follows. `age_seconds` is how long ago the epoch ended, set when the report is sent.
    """

    attempt: int
    epoch: int = Field(ge=1)
    metrics: dict[str, float | None]
    seconds: float = Field(ge=0)
    last: bool = False
    age_seconds: float = Field(default=0, ge=0)


class Ending(Frozen):
    """An attempt left its slot in another way than by its last report.

    DIVERGED: the loss was not finite or exploded. FAILED: the training raised; `traceback` holds its text, and `fault`
    says that what the user asked for is wrong, not the world: another attempt would end alike.
    PAUSED: as the verdict asked; `checkpoint` holds the state at the epoch that the verdict spoke about.
    """

    attempt: int
    state: Literal["DIVERGED", "FAILED", "PAUSED"]
    reason: Text
    seconds: float = Field(ge=0)
    traceback: Text | None = None
    fault: bool = False
    checkpoint: CheckpointRef | None = None


class CheckpointNote(Frozen):
    """A checkpoint of a running attempt was written."""

    attempt: int
    checkpoint: CheckpointRef


class WeightsNote(Frozen):
    """The weights of the best epoch of an attempt were put to the store, because `keep` asked for them."""

    attempt: int
    weights: CheckpointRef


class Answer(Frozen):
    """A verdict for one attempt.

    `epoch` is the report that it answers; None: a STOP that no report asked for (cancelled, superseded).
    `keep`, on a last report only, asks for the best epoch's weights.
    """

    attempt: int
    epoch: int | None
    verdict: Verdict
    keep: bool = False
