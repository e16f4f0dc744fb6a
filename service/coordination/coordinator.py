"""The one owner of sweeps: every change goes through here, one transaction each, one after the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import structlog
from sqlalchemy import Connection

from service.bell import Bell
from service.coordination import uploads, verbs
from service.coordination.demand import num_wanted
from service.coordination.desk import Desk
from service.coordination.exchanging import Call, answered_in_time, expire, extend_leases, with_own_ring, worker_gone
from service.coordination.exporting import begin_exports
from service.coordination.handing import may_hand_out
from service.coordination.hearing import Hearing
from service.coordination.judging import stop_overdue
from service.coordination.keeping import named_files
from service.coordination.known import facts_of
from service.coordination.loading import load, open_sweep
from service.coordination.opening import take_over
from service.coordination.ordering import body_hash, checked, new_sweep_id, resolve
from service.coordination.repeating import made_before
from service.coordination.search import Search
from service.coordination.sessions import authenticated, open_session, opens
from service.coordination.settling import say_why_pending, settle_all
from service.coordination.task_results import resume_tasks, take_tasks_back
from service.coordination.tasks import TaskBoard, Ticket
from service.database.database import Database
from service.datasets.importing import Prepared
from service.errors import NotTheOwner, ServiceError, StorageFull, Unavailable
from service.executors.contract import Outlook
from service.files import Files
from service.protocol import HEARTBEAT_SECONDS, ExchangeAnswer, Hello, Welcome
from service.records import Dataset, Sweep, Trial, Worker
from service.schemas import Extension
from service.stores import idempotency, owner
from sweeps.scheduler import Scheduler
from sweeps.states import SweepState
from trainer.settings import Setting
from trainer.task import TaskBody

log = structlog.get_logger()

ATTEMPTS_PER_OWNER = 2**32
ASLEEP_SECONDS = 10.0
NOTHING_KNOWN = Outlook()


class Coordinator:
    """Changes sweeps for users and hands out trials. `work` rings when there may be some, `news` after events."""

    def __init__(
        self, database: Database, *, files: Files, make_scheduler: Callable[..., Scheduler] = Scheduler
    ) -> None:
        self.work = Bell()
        self.news = Bell()
        self._database = database
        self._files = files
        self._make_search = partial(Search, make_scheduler)
        self._lock = threading.RLock()
        self._desk: Desk | None = None
        self._owner_epoch = 0
        self._next_attempt = 1
        self._board = TaskBoard()
        self.hearing = Hearing()
        self._was_away = False
        self._ticked_at = 0.0

    def open(self) -> None:
        """Takes the ownership; whoever had it before is refused from now on. Reads what is under way."""
        with self._lock, self._database.write() as connection:
            self._ticked_at = self._database.now(connection)
            self._owner_epoch = take_over(connection, now=self._ticked_at)
            self._next_attempt = self._owner_epoch * ATTEMPTS_PER_OWNER
            self._board = TaskBoard(next_id=self._next_attempt)
            resume_tasks(connection, board=self._board, now=self._ticked_at)

    def create(self, raw: object, *, key: str | None = None) -> Sweep:
        """A new sweep of this body; the one that the same Idempotency-Key made before, when there is one."""
        sweep_id = new_sweep_id()
        asked = checked(raw)
        with self._step() as (desk, connection):
            if key is not None and (known := made_before(connection, key, raw=raw, now=desk.now)) is not None:
                return known
            spec = resolve(asked, sweep_id=sweep_id, facts_of=partial(facts_of, connection))
            sweep = verbs.create(desk, sweep_id, spec=spec)
            if key is not None:
                idempotency.add(connection, key, body_hash=body_hash(raw), sweep_id=sweep_id, now=desk.now)
        return sweep

    def change(self, sweep_id: str, *, verb: str) -> Sweep:
        """:pause, :resume, :stop, :cancel."""
        with self._step() as (desk, connection):
            return verbs.change(desk, verbs.find(desk, connection, sweep_id=sweep_id), verb=verb)

    def extend(self, sweep_id: str, *, by: Extension) -> Sweep:
        """:extend."""
        with self._step() as (desk, connection):
            sweep = verbs.find(desk, connection, sweep_id=sweep_id)
            verbs.check_extension(sweep, by=by)
            if sweep.state is SweepState.COMPLETED:
                open_sweep(desk, sweep, connection=connection)
            return verbs.extend(desk, sweep, by=by)

    def try_settings(self, sweep_id: str, *, settings: dict[str, Setting]) -> Trial:
        """A trial of these settings."""
        with self._step() as (desk, connection):
            return verbs.try_settings(desk, verbs.find(desk, connection, sweep_id=sweep_id), settings=settings)

    def delete(self, sweep_id: str, *, mlflow_runs: bool) -> None:
        """Removes a final sweep and its files, and asks the recorder to remove its MLflow runs."""
        with self._step() as (desk, connection):
            sweep = verbs.find(desk, connection, sweep_id=sweep_id)
            verbs.delete(desk, sweep, connection=connection, mlflow_runs=mlflow_runs)

    def add_dataset(self, name: str, *, prepared: Prepared) -> tuple[Dataset, bool]:
        """Keeps a prepared upload under a name; False with the one that was there before, when it is the same."""
        with self._lock, self._files.adopting(prepared.path, sha256=prepared.file.sha256):
            with self._step() as (desk, connection):
                return uploads.add(connection, name, prepared=prepared, now=desk.now)

    def delete_dataset(self, name: str) -> None:
        """Forgets an uploaded data set that no sweep uses; its file goes with its last name."""
        with self._step() as (desk, connection):
            desk.garbage.append(uploads.remove(connection, name))

    def hello(self, hello: Hello) -> Welcome:
        """A worker introduces itself and gets a session of its own."""
        with self._step() as (desk, connection):
            token = open_session(desk, hello, connection=connection)
        self.hearing.note(hello.worker)
        log.info("worker.hello", worker=hello.worker, executor=hello.executor, slots=hello.slots)
        return Welcome(
            token=token,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            files_folder=str(self._files.folder),
            files_marker=self._files.marker,
        )

    def exchange(self, calls: Sequence[Call]) -> list[ExchangeAnswer | ServiceError]:
        """Requests of workers in one transaction: the answers to the first of them, as many as there is time for."""
        with self._lock:
            before = self.work.count
            with self._step() as (desk, connection):
                answers = answered_in_time(desk, connection, calls=calls, work_version=before)
            # Still alone: a ring must not be taken for heard by those whose hand-out came before what it tells of.
            told = with_own_ring(answers, before=before, after=self.work.count)
        for call, one in zip(calls, told, strict=False):
            if isinstance(one, ExchangeAnswer):
                self.hearing.note(call.worker_id)
        return told

    def submit(self, body: TaskBody, *, seconds: float) -> Ticket:
        """A task for a worker, who has so many seconds to take it."""
        with self._step() as (desk, _connection):
            desk.has_work = True
            return desk.board.add(body, now=desk.now, seconds=seconds)

    def knows(self, worker_id: str, *, token: str) -> bool:
        """Whether this is the token of a worker that is on the desk; answers at once, whoever is at work there."""
        desk = self._desk
        worker = None if desk is None else desk.workers.get(worker_id)
        return worker is not None and opens(token, worker=worker)

    def authenticate(self, worker_id: str, *, token: str) -> None:
        """Raises unless the token is this worker's session's."""
        with self._step() as (desk, _connection):
            authenticated(desk, worker_id, token=token)

    def worker_gone(self, worker_id: str, *, how: str) -> None:
        """The executor saw that this worker is gone."""
        with self._step() as (desk, _connection):
            worker_gone(desk, worker_id, how=how)
            settle_all(desk)

    def workers(self) -> list[Worker]:
        """The workers that are here."""
        with self._step() as (desk, _connection):
            return list(desk.workers.values())

    def tick(self, outlook: Outlook = NOTHING_KNOWN) -> int:
        """What happens because time passes: leases end, budgets in seconds are spent.

        `outlook`: what the executor could have. Answers how many workers would have work.
        """
        with self._step() as (desk, connection):
            if desk.now - self._ticked_at > ASLEEP_SECONDS:  # the machine slept: nobody could renew a lease
                extend_leases(desk)
            self._ticked_at = desk.now
            expire(desk)
            stop_overdue(desk)
            settle_all(desk)
            say_why_pending(desk, trouble=outlook.trouble)
            take_tasks_back(desk, connection)
            return num_wanted(desk, outlook=outlook)

    @contextmanager
    def _step(self) -> Iterator[tuple[Desk, Connection]]:
        """One transaction on the desk, alone. After a failure the desk is read anew from the tables."""
        with self._lock:
            try:
                with self._database.write() as connection:
                    epoch, now = owner.epoch_and_time(connection, clock=self._database.clock())
                    if epoch != self._owner_epoch:
                        raise NotTheOwner("Another coordinator has taken over this database.")
                    desk = self._ready_desk(connection, now=now)
                    yield desk, connection
                    begin_exports(desk, connection)
                    num_events = desk.num_events()
                    desk.flush(connection)
                    garbage = set(desk.garbage) - named_files(connection, desk.garbage)
            except BaseException as error:
                self._forget(error)
                raise
            self._was_away = False
            self._after_commit(desk, num_events=num_events)
            self._files.remove(garbage)

    def _forget(self, error: BaseException) -> None:
        """Throws the desk away, unless nothing was changed on it: a request that was refused costs no reading."""
        self._was_away = self._was_away or isinstance(error, Unavailable | StorageFull)
        if self._desk is not None and not (self._desk.is_clean() and isinstance(error, ServiceError)):
            self._next_attempt = max(self._next_attempt, self._desk.next_attempt)
            self._desk = None
            log.warning("desk.thrown_away", error=type(error).__name__, detail=str(error))

    def _ready_desk(self, connection: Connection, *, now: float) -> Desk:
        if self._desk is None or self._was_away:
            self._desk = Desk(self._make_search, now=now)
            load(self._desk, connection, min_attempt=self._next_attempt)
        self._desk.now = now
        self._desk.has_work = False
        self._desk.board = self._board.begun()
        if self._was_away:  # no lease ends because of that
            extend_leases(self._desk)
        return self._desk

    def _after_commit(self, desk: Desk, *, num_events: int) -> None:
        self._next_attempt = desk.next_attempt
        desk.garbage.clear()
        self._board = desk.board.told()
        if num_events:
            self.news.ring()
        if desk.has_work and may_hand_out(desk):
            self.work.ring()
