"""The messages between a worker and the service (JSON over HTTP)."""

from typing import Literal

from pydantic import Field

from trainer.config import Assignment
from trainer.facts import ProblemFacts
from trainer.frozen import Frozen
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, WeightsNote
from trainer.task import Task, TaskResult

HEARTBEAT_SECONDS = 3.0
LEASE_SECONDS = 60.0
MAX_NUMBER = 2**31 - 1  # more is no integer to PostgreSQL


class Hello(Frozen):
    """A worker introduces itself (with the join token). `worker` is an id that is new at each start."""

    worker: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    executor: Literal["local", "ray", "external"]
    host: str = Field(max_length=255, pattern=r"^[^\x00]*$")
    pid: int = Field(ge=0, le=MAX_NUMBER)
    slots: int = Field(ge=1, le=1024)
    device: str = Field(max_length=100, pattern=r"^[^\x00]*$")
    version: str = Field(max_length=100, pattern=r"^[^\x00]*$")


class Welcome(Frozen):
    """The answer to hello: the session token of this worker, and where files lie.

    A worker that can read the file `marker` in `files_folder` shares the folder; another one fetches and puts files
    through the API.
    """

    token: str
    heartbeat_seconds: float
    files_folder: str
    files_marker: str


class InHand(Frozen):
    """An attempt that the worker holds. `seconds` is training time so far, 0 before the first step."""

    attempt: int
    started: bool
    seconds: float = Field(ge=0)


class ChildDeath(Frozen):
    """How a trainer child ended, with the attempts that were in training then (those not begun are not named).

    how: exit (by itself, `code`), signal (`signal`), hang (killed by the parent after `hang_seconds`),
    memory (killed by the parent over `memory_mb`). `oom` says whether the system's memory ran out, None where
    nobody counts. `num_tasks`: tasks that it had besides, which may be what killed it.
    """

    attempts: tuple[int, ...]
    how: Literal["exit", "signal", "hang", "memory"]
    code: int | None = None
    signal: int | None = None
    rss_mb: int | None = None
    oom: bool | None = False
    seconds: float = Field(default=0, ge=0)
    num_tasks: int = Field(default=0, ge=0)


class Exchange(Frozen):
    """One request of a worker, handled in one transaction.

    `number` counts from 1; the same number again gets the stored answer again. `answered` is the number of the last
    answer received: attempts handed out up to it that are not in `in_hand` (and did not end) go back free of charge.
    `num_wanted` is how many more assignments fit now; of these at most `num_free` would start at once, the others are
    held ahead. `problems`: the plugins that its child found, said once per child (None: nothing new). `leaving`: the
    worker is about to exit, and hands all back; tasks that it has not answered are somebody else's then.
    """

    number: int = Field(ge=1, le=MAX_NUMBER)
    answered: int = Field(ge=0, le=MAX_NUMBER)
    in_hand: tuple[InHand, ...] = ()
    reports: tuple[EpochReport, ...] = ()
    endings: tuple[Ending, ...] = ()
    checkpoints: tuple[CheckpointNote, ...] = ()
    weights: tuple[WeightsNote, ...] = ()
    deaths: tuple[ChildDeath, ...] = ()
    task_results: tuple[TaskResult, ...] = ()
    problems: tuple[ProblemFacts, ...] | None = None
    num_free: int = Field(default=0, ge=0, le=2048)
    num_wanted: int = Field(default=0, ge=0, le=2048)
    leaving: bool = False


class Refusal(Frozen):
    """An attempt that is no longer this worker's: superseded or unknown. It must stop; what it says is not stored."""

    attempt: int
    status: Literal[409] = 409
    detail: str


class ExchangeAnswer(Frozen):
    """The answer to an exchange. `work_version` changes whenever there may be something new to hand out."""

    number: int
    assignments: tuple[Assignment, ...] = ()
    answers: tuple[Answer, ...] = ()
    refused: tuple[Refusal, ...] = ()
    tasks: tuple[Task, ...] = ()
    leave: bool = False
    work_version: int = 0


class Wait(Frozen):
    """An idle worker waits until `work_version` is another one, at most `seconds`."""

    work_version: int
    seconds: float = Field(default=20, gt=0, le=30)


class WaitAnswer(Frozen):
    """The work version now."""

    work_version: int
