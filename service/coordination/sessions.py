"""A worker's session: from its hello to its end it is known by a token of its own, of which only the hash is kept."""

import hashlib
import hmac
import secrets

from sqlalchemy import Connection

from service.coordination.desk import Desk
from service.errors import Conflict, SessionEnded, Unauthorized
from service.protocol import LEASE_SECONDS, Hello
from service.records import Worker
from service.stores import workers as worker_rows


def open_session(desk: Desk, hello: Hello, *, connection: Connection) -> str:
    """The token of a new session. Raises Conflict for a worker that was here before."""
    token = secrets.token_urlsafe(32)
    known = worker_rows.get(connection, hello.worker)
    if known is not None and _is_repeated(hello, known=known):  # its answer was lost: a new token for the same
        desk.change_worker(known.id, token_hash=_token_hash(token))
    elif known is not None:
        raise Conflict(f"A worker {hello.worker} was here before; ids are new at each start.")
    else:
        desk.add_worker(_new_worker(hello, token=token, now=desk.now))
    return token


def _new_worker(hello: Hello, *, token: str, now: float) -> Worker:
    """The worker that said hello."""
    return Worker(
        id=hello.worker,
        executor=hello.executor,
        host=hello.host,
        pid=hello.pid,
        slots=hello.slots,
        device=hello.device,
        version=hello.version,
        token_hash=_token_hash(token),
        state=worker_rows.ALIVE,
        lease_until=now + LEASE_SECONDS,
        request_number=0,
        answer=None,
        failed_row=(),
        problems=(),
        created_at=now,
        ended_at=None,
    )


def _is_repeated(hello: Hello, *, known: Worker) -> bool:
    """The same process says hello again before it has made a request."""
    same = (known.host, known.pid, known.executor) == (hello.host, hello.pid, hello.executor)
    return same and known.request_number == 0 and known.state == worker_rows.ALIVE


def authenticated(desk: Desk, worker_id: str, *, token: str) -> Worker:
    """The worker whose session the token opens. Raises SessionEnded or Unauthorized."""
    worker = desk.workers.get(worker_id)
    if worker is None:
        raise SessionEnded("This worker's session has ended; start it again to get a new one.")
    if not opens(token, worker=worker):
        raise Unauthorized("The token is not this worker's.")
    return worker


def opens(token: str, *, worker: Worker) -> bool:
    """Whether the token is that of the worker's session."""
    return hmac.compare_digest(worker.token_hash, _token_hash(token))


def _token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
