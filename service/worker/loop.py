"""The worker parent at work: events come in by one queue, and after each the next steps follow."""

import logging
import shutil
import time
from queue import Empty, SimpleQueue

from service.protocol import ExchangeAnswer, Welcome
from service.pulse import Pulse
from service.worker.child_keeper import SAMPLE_SECONDS, ChildKeeper
from service.worker.child_messages import ChildSaid, Setup, ToldChild
from service.worker.child_process import ChildProcess
from service.worker.events import ChildEnded, ChildHeard, DrainAsked, WaitEnded
from service.worker.files import Fetched, Stored, Transfers, shared_folder, split_files
from service.worker.idleness import Idleness
from service.worker.link import Link
from service.worker.plan import WorkerPlan
from service.worker.session import LinkLost
from service.worker.state import WorkerState
from trainer.config import Assignment
from trainer.report import Answer
from trainer.task import Task

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 2.5  # for the child's checkpoints
LEAVE_SECONDS = 4.0  # for all: who stops a worker kills it after 5


class WorkerLoop:
    """One worker, from hello to its exit code. Only `run` and what it calls touches the state; threads send events."""

    def __init__(self, plan: WorkerPlan) -> None:
        now = time.monotonic()
        self._plan = plan
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._state = WorkerState(slots=plan.hello.slots)
        self._idleness = Idleness(idle_seconds=plan.idle_seconds)
        self._link = Link(plan.address, hello=plan.hello, tell=self._inbox.put)
        self._keeper = ChildKeeper(self._spawn_child, now=now)
        self._pulse = Pulse(plan.pulse_file)
        self._welcome: Welcome | None = None
        self._transfers: Transfers | None = None
        self._answers: list[Answer] = []  # to be told to the child
        self._heartbeat_at = self._sample_at = now
        self._waiting = self._left = False
        self._drain_at: float | None = None
        self._exit_code: int | None = None

    def ask_drain(self, reason: str) -> None:
        """Makes the worker leave; may be called from a signal handler or another thread."""
        self._inbox.put(DrainAsked(reason))

    def run(self) -> int:
        """Works until told to leave or lost, and answers the exit code."""
        self._link.open()
        while self._exit_code is None:
            event = self._next_event()
            now = time.monotonic()
            self._pulse.beat(now=now)
            if event is not None:
                self._handle(event, now=now)
            self._leave_if_idle(now=now)
            if self._drain_at is None:
                self._advance(now=now)
            else:
                self._advance_drain(now=now)
        self._keeper.kill()
        shutil.rmtree(self._plan.own_folder, ignore_errors=True)
        return self._exit_code

    def _next_event(self) -> object | None:
        try:
            due_at = self._due_at()
            return self._inbox.get(timeout=None if due_at is None else max(0.0, due_at - time.monotonic()))
        except Empty:
            return None

    def _due_at(self) -> float | None:
        if self._drain_at is not None:
            deadlines = (self._drain_at + DRAIN_SECONDS, self._drain_at + LEAVE_SECONDS)
            return next((at for at in deadlines if at > time.monotonic()), deadlines[-1])
        due = [at for at in (self._keeper.start_at, self._pulse.due_at) if at is not None]
        if self._welcome is not None and not self._state.travelling and not self._idle:
            speaks_at = self._state.speaks_at
            due.append(self._heartbeat_at if speaks_at is None else min(self._heartbeat_at, speaks_at))
        if self._state.limits() is not None:
            due.append(self._sample_at)
        if self._idleness.leave_at is not None and not self._state.travelling:
            due.append(self._idleness.leave_at)
        return min(due, default=None)

    @property
    def _idle(self) -> bool:
        """A long poll is under way, and nothing is in hand that a heartbeat would keep."""
        return self._waiting and not len(self._state.hand)

    @property
    def _moves_files(self) -> bool:
        return self._transfers is not None and self._transfers.num_open > 0

    def _handle(self, event: object, *, now: float) -> None:
        match event:
            case ChildHeard(said=said):
                self._hear(said, now=now)
            case ExchangeAnswer():
                self._hear_answer(event, now=now)
            case ChildEnded(child=child):
                self._lose_child(child, now=now)
            case WaitEnded():
                self._waiting = False
                self._state.wait_ended()
            case Stored(said=stored) if self._transfers is not None:
                self._transfers.done()
                self._state.hear(stored, now=now)
            case Fetched(wanted=wanted) if self._transfers is not None:
                self._transfers.done()
                self._state.await_files(wanted, lacks=False)
            case Welcome():
                self._settle(event)
            case DrainAsked(reason=reason):
                self._drain(reason, now=now)
            case LinkLost(reason=reason, code=code):
                logger.error("%s", reason)
                self._exit_code = 0 if self._drain_at is not None else code

    def _leave_if_idle(self, *, now: float) -> None:
        """Not while an exchange travels: its answer may bring work, and what it tells must be heard."""
        if self._welcome is None:
            return
        self._idleness.note(self._state, moves_files=self._moves_files, now=now)
        leave_at = self._idleness.leave_at
        if leave_at is not None and now >= leave_at and not self._state.travelling:
            self._drain("nothing to do for long", now=now)

    def _advance(self, *, now: float) -> None:
        if self._state.needs_other_child():
            self._keeper.replace(now=now)
        if self._keeper.ensure(now=now):
            self._state.new_child()
        if now >= self._sample_at and (limits := self._state.limits()):
            self._keeper.enforce(limits, now=now)
            self._sample_at = now + SAMPLE_SECONDS
        self._tell_child(now=now)
        self._talk(now=now)

    def _advance_drain(self, *, now: float) -> None:
        """The child writes its checkpoints, their files go out, then the last exchange; all in bounded time."""
        assert self._drain_at is not None
        if now >= self._drain_at + LEAVE_SECONDS or self._welcome is None:
            self._exit_code = 0
        elif self._keeper.alive:
            if now >= self._drain_at + DRAIN_SECONDS:
                self._keeper.kill()
            self._talk(now=now)
        elif not self._state.travelling and not self._moves_files:
            if self._left:
                self._exit_code = 0
            else:
                self._left = True
                self._link.send(self._state.leave(now=now))

    def _tell_child(self, *, now: float) -> None:
        if not self._keeper.can_train:
            return
        tasks = self._state.tasks.to_give(now=now)
        message = ToldChild(assignments=self._state.to_give(), answers=tuple(self._answers), tasks=tasks)
        self._answers.clear()
        if message.assignments or message.answers or message.tasks:
            self._keeper.tell(message, now=now)

    def _talk(self, *, now: float) -> None:
        if self._welcome is None:
            return
        heartbeat_due = now >= self._heartbeat_at and not self._idle
        if exchange := self._state.next_exchange(now=now, heartbeat_due=heartbeat_due):
            self._heartbeat_at = now + self._welcome.heartbeat_seconds
            self._link.send(exchange)
        elif not self._waiting and (wait := self._state.next_wait()):
            self._waiting = True
            self._link.wait(wait)

    def _hear(self, every: tuple[ChildSaid, ...], *, now: float) -> None:
        for said in every:
            self._keeper.heard(ready=said.ready, now=now)
            at_once, stored_first = (said, None) if self._transfers is None else split_files(said)
            self._state.hear(at_once, now=now)
            if stored_first is not None and self._transfers is not None:
                self._state.hear_leaving(stored_first, now=now)
                self._transfers.put(stored_first)

    def _hear_answer(self, answer: ExchangeAnswer, *, now: float) -> None:
        self._answers.extend(self._state.accept(answer))
        every: tuple[Assignment | Task, ...] = (*answer.assignments, *answer.tasks)
        for wanted in every:
            if self._transfers is not None and self._transfers.lacks(wanted):
                self._state.await_files(wanted, lacks=True)
                self._transfers.fetch(wanted)
        if answer.leave:
            self._drain("the service asked for it", now=now)

    def _lose_child(self, child: ChildProcess, *, now: float) -> None:
        idle = not self._state.hand.in_training
        death = self._keeper.ended(child, idle=idle, now=now)
        if death is not None and self._drain_at is None:
            logger.warning("the child ended: %s, code %s, signal %s", death.how, death.code, death.signal)
            self._answers.clear()
            self._state.lose_child(death, now=now)

    def _settle(self, welcome: Welcome) -> None:
        """Knows where files lie: the child may train."""
        self._welcome = welcome
        shared = shared_folder(welcome)
        if shared is None:
            session = self._link.session(welcome.token)
            path = self._plan.address.path
            self._transfers = Transfers(session, path=path, folder=self._plan.own_folder, tell=self._inbox.put)
            self._link.spawn(self._transfers.run, name="files")
        self._keeper.set_up(
            Setup(
                slots=self._plan.hello.slots,
                device=self._plan.hello.device,
                checkpoint_folder=str(shared or self._plan.own_folder),
                nice=self._plan.child_nice,
                problems=self._plan.problems,
            )
        )

    def _drain(self, reason: str, *, now: float) -> None:
        if self._drain_at is not None:
            return
        logger.info("leaving: %s", reason)
        self._drain_at = now
        self._link.leave()
        self._state.drain()
        if self._state.hand.child_is_free:
            self._keeper.kill()
        else:
            self._keeper.tell(ToldChild(drain=True), now=now)

    def _spawn_child(self) -> ChildProcess:
        return ChildProcess(
            self._plan.child_command,
            environment=self._plan.child_environment,
            hear=lambda said: self._inbox.put(ChildHeard(said)),
            ended=lambda child: self._inbox.put(ChildEnded(child)),
        )
