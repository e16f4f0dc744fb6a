"""`python -m service.trainer_child READ WRITE`: trains what its parent hands it, over two pipes. Knows no token."""

import logging
import os
import signal
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any

from service.worker.child_messages import ChildSaid, Setup, ToldChild
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.engine import train
from trainer.facts import ProblemFacts
from trainer.own.discovery import discover
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, WeightsNote
from trainer.task import Task, TaskResult
from trainer.tasks.running import run_task

logger = logging.getLogger(__name__)

ORPHANED = 1
QUIET_SECONDS = 0.25  # a beat sooner after the last sign of life tells the parent nothing


class PipeSource:
    """The trainer's source over the parent's pipes. A thread reads; all else happens in the engine's thread.

    Tasks are done where the engine looks for answers or waits for work: between two updates. There too what came of the
    step before is said, in one message: each costs the parent a turn on the processor.
    """

    def __init__(self, *, read_fd: int, write_fd: int) -> None:
        self._write_fd = write_fd
        self._inbox: SimpleQueue[ToldChild] = SimpleQueue()  # its put is safe in a signal handler, unlike a lock
        self._assignments: deque[Assignment] = deque()
        self._answers: list[Answer] = []
        self._tasks: deque[Task] = deque()
        self._do_task: Callable[[Task], TaskResult] | None = None
        self._heeding: tuple[int, ...] = ()  # asked to keep weights by the answers that the engine got last
        self._draining = False
        self._unsaid: defaultdict[str, list[Any]] = defaultdict(list)
        self._said_at = 0.0
        threading.Thread(target=self._read, args=(read_fd,), name="parent-reader", daemon=True).start()

    def setup(self) -> Setup:
        """Says that the child is ready, and waits for the first message."""
        self._say(ChildSaid(ready=True))
        while True:
            told = self._inbox.get()
            self._absorb(told)
            if told.setup is not None:
                return told.setup

    def announce(self, problems: tuple[ProblemFacts, ...]) -> None:
        """Says which plugins there are."""
        self._say(ChildSaid(problems=problems))

    def do_tasks_by(self, do_task: Callable[[Task], TaskResult]) -> None:
        """From now on tasks are done, by this."""
        self._do_task = do_task

    def drain(self) -> None:
        """Makes the engine write checkpoints and return; safe in a signal handler."""
        self._inbox.put(ToldChild(drain=True))

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:
        """See Source."""
        self._look()
        self._work_on_tasks()
        while wait and not (self._assignments or self._answers or self._draining):
            self._absorb(self._inbox.get())
            self._work_on_tasks()
        taken = [self._assignments.popleft() for _ in range(min(num_free, len(self._assignments)))]
        self._unsaid["taken"] += [assignment.attempt for assignment in taken]
        self.say_all()
        return taken

    def started(self, attempt: int) -> None:
        """See Source."""
        self._unsaid["started"].append(attempt)

    def report(self, report: EpochReport) -> None:
        """See Source."""
        self._unsaid["reports"].append(report)

    def end(self, ending: Ending) -> None:
        """See Source."""
        self._unsaid["endings"].append(ending)

    def checkpointed(self, note: CheckpointNote) -> None:
        """See Source."""
        self._unsaid["checkpoints"].append(note)
        self.say_all()

    def weights(self, note: WeightsNote) -> None:
        """See Source."""
        self._unsaid["weights"].append(note)
        self.say_all()

    def answers(self) -> list[Answer]:
        """See Source."""
        self._look()
        self._work_on_tasks()
        answers, self._answers = self._answers, []
        self._heeding = tuple(answer.attempt for answer in answers if answer.keep)
        return answers

    def beat(self, *, num_steps: int = 0) -> None:  # noqa: ARG002 - the parent wants a sign of life, not a count
        """See Source."""
        if time.monotonic() - self._said_at > QUIET_SECONDS:
            self._say(ChildSaid())

    def draining(self) -> bool:
        """See Source."""
        self._look()
        return self._draining

    def exhausted(self) -> bool:
        """Never: a parent that is gone ends the process."""
        return False

    def say_all(self) -> None:
        """Says what was not said yet."""
        unsaid = {name: tuple(values) for name, values in self._unsaid.items() if values}
        if unsaid:
            self._unsaid.clear()
            self._say(ChildSaid(**unsaid))

    def _look(self) -> None:
        self.say_all()
        if self._heeding:  # the engine follows its answers before it asks again
            self._say(ChildSaid(heeded=self._heeding))
            self._heeding = ()
        while not self._inbox.empty():
            self._absorb(self._inbox.get())

    def _work_on_tasks(self) -> None:
        while self._tasks and self._do_task is not None and not self._draining:
            self._say(ChildSaid(task_results=(self._do_task(self._tasks.popleft()),)))

    def _absorb(self, told: ToldChild) -> None:
        stopped = {answer.attempt for answer in told.answers if answer.epoch is None}
        if stopped:
            self._assignments = deque(one for one in self._assignments if one.attempt not in stopped)
        self._assignments.extend(told.assignments)
        self._answers.extend(told.answers)
        self._tasks.extend(told.tasks)
        self._draining = self._draining or told.drain

    def _say(self, said: ChildSaid) -> None:
        self._said_at = time.monotonic()
        line = said.line()
        while line:
            line = line[os.write(self._write_fd, line) :]

    def _read(self, read_fd: int) -> None:
        """Hands on what the parent says; without a parent there is nobody to train for."""
        try:
            with os.fdopen(read_fd, "rb") as lines:
                for line in lines:
                    self._inbox.put(ToldChild.model_validate_json(line))
        finally:
            os._exit(ORPHANED)


def run(source: PipeSource) -> None:
    """Trains until the parent wants no more."""
    setup = source.setup()
    os.nice(setup.nice)
    checkpoints = CheckpointStore(Path(setup.checkpoint_folder))
    checkpoints.clear_unfinished()
    source.announce(discover(setup.problems))
    source.do_tasks_by(lambda task: run_task(task, files=checkpoints, device=setup.device, beat=source.beat))
    try:
        train(source, slots=setup.slots, device=setup.device, checkpoints=checkpoints)
    finally:
        source.say_all()


def main() -> None:
    """The command line: READ WRITE, two descriptors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s child: %(message)s")
    read_fd, write_fd = (int(argument) for argument in sys.argv[1:3])
    for descriptor in (read_fd, write_fd):  # what user code starts must not keep the pipes open
        os.set_inheritable(descriptor, False)
    source = PipeSource(read_fd=read_fd, write_fd=write_fd)
    heard: list[int] = []  # no Event: a signal may interrupt the very call that holds an Event's lock

    def drain(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        source.drain()

    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    try:
        run(source)
    except Exception:  # the border around this child
        logger.exception("the engine raised")
        sys.exit(ORPHANED)
    if heard:  # so that the parent sees a death from outside, not an exit
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
