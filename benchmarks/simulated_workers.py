"""Many workers of one slot in one thread: the real protocol and the real worker's decisions, and nothing trained."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import uvloop

from benchmarks.http_line import HttpLine
from benchmarks.timetable import Timetable
from service.protocol import Exchange, ExchangeAnswer, Hello, Wait, Welcome
from service.worker.state import WorkerState

START_SECONDS = 120.0


@dataclass(frozen=True)
class Request:
    """A request that was answered; `at` is when, in monotonic seconds. kind: hello, exchange or wait."""

    kind: str
    at: float
    seconds: float
    num_reports: int = 0
    num_assigned: int = 0


class SimulatedWorker:
    """What service/worker/loop.py does, on an event loop it shares with others. The thread of the loop alone calls."""

    def __init__(self, url: str, *, join_token: str, worker_id: str, trial_seconds: float, log: list[Request]) -> None:
        self.num_in_hand = 0
        self.num_refused = 0
        self._url, self._join_token, self._id = url, join_token, worker_id
        self._state = WorkerState(slots=1)
        self._timetable = Timetable(trial_seconds=trial_seconds)
        self._log = log
        self._heartbeat_at = self._heartbeat_seconds = 0.0
        self._is_waiting = False
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def hello(self) -> None:
        """Introduces itself."""
        hello = Hello(
            worker=self._id, executor="external", host="here", pid=1, slots=1, device="cpu", version="simulated"
        )
        line = HttpLine(self._url, token=self._join_token)
        began_at = time.monotonic()
        welcome = Welcome.model_validate_json(await line.post("/v1/workers:hello", body=_json(hello)))
        self._note(Request("hello", time.monotonic(), time.monotonic() - began_at))
        line.close()
        self._heartbeat_seconds = welcome.heartbeat_seconds
        self._exchanges = HttpLine(self._url, token=welcome.token)
        self._waits = HttpLine(self._url, token=welcome.token)

    async def work(self) -> None:
        """Works until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            due_at = self._advance(time.monotonic())
            timer = None if due_at is None else loop.call_later(max(0.0, due_at - time.monotonic()), self._woken.set)
            await self._woken.wait()
            if timer is not None:
                timer.cancel()
            for task in [one for one in self._tasks if one.done()]:
                self._tasks.discard(task)
                task.result()

    def _advance(self, now: float) -> float | None:
        """Says and asks what there is; answers when the next thing is due."""
        state = self._state
        self._timetable.give(state.to_give())
        if (said := self._timetable.said(now)) is not None:
            state.hear(said, now=now)
        self.num_in_hand = len(state.hand)
        idle = self._is_waiting and not self.num_in_hand
        if exchange := state.next_exchange(now=now, heartbeat_due=now >= self._heartbeat_at and not idle):
            self._heartbeat_at = now + self._heartbeat_seconds
            self._begin(self._exchange(exchange))
        elif not self._is_waiting and (wait := state.next_wait()):
            self._is_waiting = True
            self._begin(self._wait(wait))
        due = [] if state.travelling or (self._is_waiting and not self.num_in_hand) else [self._heartbeat_at]
        if due and (speaks_at := state.speaks_at) is not None:
            due.append(speaks_at)
        if self._timetable.due_at is not None:
            due.append(self._timetable.due_at)
        return min(due, default=None)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda _task: self._woken.set())

    async def _exchange(self, exchange: Exchange) -> None:
        began_at = time.monotonic()
        body = await self._exchanges.post(f"/v1/workers/{self._id}:exchange", body=_json(exchange))
        now = time.monotonic()
        answer = ExchangeAnswer.model_validate_json(body)
        self._note(Request("exchange", now, now - began_at, len(exchange.reports), len(answer.assignments)))
        self.num_refused += len(answer.refused)
        self._timetable.obey(self._state.accept(answer))

    async def _wait(self, wait: Wait) -> None:
        began_at = time.monotonic()
        await self._waits.post(f"/v1/workers/{self._id}:wait", body=_json(wait))
        self._note(Request("wait", time.monotonic(), time.monotonic() - began_at))
        self._is_waiting = False
        self._state.wait_ended()

    def _note(self, request: Request) -> None:
        self._log.append(request)


class Fleet:
    """The workers in a thread of their own, from the hellos on. `log` holds every request that was answered."""

    def __init__(self, url: str, *, join_token: str, num_workers: int, trial_seconds: float) -> None:
        self.log: list[Request] = []
        self.cpu_seconds = 0.0  # of the thread: it must not be what is slow
        self._workers = [
            SimulatedWorker(
                url, join_token=join_token, worker_id=f"sim-{number}", trial_seconds=trial_seconds, log=self.log
            )
            for number in range(num_workers)
        ]
        self._over = threading.Event()
        self._greeted = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleet")
        self._ended: Future[None] | None = None

    def __enter__(self) -> "Fleet":
        self._ended = self._executor.submit(self._run)
        self._ended.add_done_callback(lambda _ended: self._greeted.set())
        if not self._greeted.wait(START_SECONDS):
            raise TimeoutError(f"not every worker was welcomed within {START_SECONDS:.0f} s")
        self.check()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._executor.shutdown()

    @property
    def num_in_hand(self) -> int:
        """Attempts in the hands of all workers."""
        return sum(one.num_in_hand for one in self._workers)

    @property
    def num_refused(self) -> int:
        """Attempts that a worker spoke of and that were not its own any more: leases that were lost."""
        return sum(one.num_refused for one in self._workers)

    def check(self) -> None:
        """Raises what a worker failed with."""
        if self._ended is not None and self._ended.done():
            self._ended.result()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as greetings:
            for one in self._workers:
                greetings.create_task(one.hello())
        self._greeted.set()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.work()) for one in self._workers]
            while not self._over.is_set():
                self.cpu_seconds = time.thread_time()
                await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()


def _json(message: Hello | Exchange | Wait) -> bytes:
    return message.model_dump_json().encode()
