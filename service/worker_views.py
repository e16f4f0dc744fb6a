"""Workers as users see them: reads of the database and no change."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from service.errors import NotFound
from service.protocol import LEASE_SECONDS
from service.records import Worker
from service.schemas import at
from service.stores import attempts as attempt_rows
from service.stores import workers as worker_rows
from service.worker_schemas import HeldTrial, WorkerAnswer


def find_worker(connection: Connection, worker_id: str) -> Worker:
    """The worker, gone ones too. Raises NotFound."""
    worker = worker_rows.get(connection, worker_id)
    if worker is None:
        raise NotFound(f"There is no worker {worker_id[:100]}; GET /v1/workers lists them.")
    return worker


def worker_answers(connection: Connection, workers: Sequence[Worker]) -> list[WorkerAnswer]:
    """Workers as clients see them."""
    held = defaultdict(list)
    for attempt in attempt_rows.open_of(connection, [one.id for one in workers]):
        held[attempt.worker_id].append(HeldTrial(sweep=attempt.sweep_id, number=attempt.number))
    return [_answer(one, trials=held[one.id]) for one in workers]


def _answer(worker: Worker, *, trials: list[HeldTrial]) -> WorkerAnswer:
    plain = {name: getattr(worker, name) for name in ("id", "executor", "host", "device", "slots", "state", "version")}
    return WorkerAnswer(
        **plain,
        trials=trials,
        started_at=at(worker.created_at),
        last_heard_at=at(worker.lease_until - LEASE_SECONDS),
        ended_at=None if worker.ended_at is None else at(worker.ended_at),
    )
