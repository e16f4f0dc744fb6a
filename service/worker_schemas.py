"""What the API answers about workers."""

from typing import Literal, TypeAlias

from service.schemas import Answer, Time

WorkerState: TypeAlias = Literal["ALIVE", "BENCHED", "GONE"]


class HeldTrial(Answer):
    """A trial in the hands of a worker."""

    sweep: str
    number: int


class WorkerAnswer(Answer):
    """One worker. BENCHED: it gets nothing more, for trials died there that ended well elsewhere.

    `last_heard_at` is when its lease was renewed: by a request of its own, or by the service's return after an outage.
    `trials` are those in its hands, what is handed out ahead included.
    """

    id: str
    executor: Literal["local", "ray", "external"]
    host: str
    device: str
    slots: int
    state: WorkerState
    version: str
    trials: list[HeldTrial]
    started_at: Time
    last_heard_at: Time
    ended_at: Time | None
