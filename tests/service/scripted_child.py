"""A trainer child without torch, whose behaviour is the name of the sweep it is given. `scripted_child.py READ WRITE`.

quick: reports all epochs, the last one with `last`. endless: reports epoch 1 and beats until it is told to stop.
burst: reports one epoch each time it looks, until stopped. exit: dies with code 3 after its first step. silent: makes
a step and says nothing more. fat: grows to 300 MiB and beats. pause: reports epoch 1, pauses with a file when told so.
unborn: dies before it takes it. crowd: all such rows train side by side, an epoch of each at every look, to their last.
deadly: as crowd, but its second epoch ends the process. An endless row writes a checkpoint when it drains.

Of a task it predicts what lies in the files that the task needs, or dies of the row ["die"]; it exports its own file.
"""

import hashlib
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from queue import Empty, SimpleQueue

from service.worker.child_messages import ChildSaid, Setup, ToldChild
from service.worker.files import needed
from trainer.config import Assignment, CheckpointRef
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote
from trainer.task import Exported, Predict, Prediction, Task, TaskResult, TaskValue

LOOK_SECONDS = 0.02
MIB = 1 << 20
CROWD = ("crowd", "deadly")


class ScriptedChild:
    """One slot, but for a crowd."""

    def __init__(self, *, read_fd: int, write_fd: int) -> None:
        self._write_fd = write_fd
        self._inbox: SimpleQueue[ToldChild] = SimpleQueue()
        self._held: list[Assignment] = []
        self._answers: list[Answer] = []
        self._draining = False
        self._folder = Path()
        threading.Thread(target=self._read, args=(read_fd,), daemon=True).start()

    def say(self, said: ChildSaid) -> None:
        os.write(self._write_fd, said.line())

    def run(self) -> None:
        self.say(ChildSaid(ready=True))
        while not self._draining:
            self.look(wait=True)
            while self._held and not self._draining:
                if self._held[0].sweep in CROWD:
                    self.train_crowd()
                else:
                    self.train(self._held.pop(0))

    def train(self, assignment: Assignment) -> None:
        attempt = assignment.attempt
        if assignment.sweep == "unborn":
            os._exit(3)
        self.say(ChildSaid(taken=(attempt,)))
        for sha256 in needed(assignment):  # whose files must be here by now
            self.file(sha256).read_bytes()
        self.say(ChildSaid(started=(attempt,)))
        if assignment.sweep == "quick":
            reports = (report(attempt, epoch, last=epoch == assignment.epochs) for epoch in epochs(assignment))
            self.say(ChildSaid(reports=tuple(reports)))
            return
        if assignment.sweep == "exit":
            os._exit(3)
        ballast = b"x" * (300 * MIB) if assignment.sweep.startswith("fat") else b""
        self.linger(assignment)
        del ballast

    def train_crowd(self) -> None:
        rows: dict[int, Assignment] = {}
        epoch: Counter[int] = Counter()
        while not self._draining:
            new = {one.attempt: one for one in self._held if one.sweep in CROWD}
            self._held = [one for one in self._held if one.attempt not in new]
            rows |= new
            if new:
                self.say(ChildSaid(taken=tuple(new), started=tuple(new)))
            epoch.update(list(rows))
            if any(epoch[attempt] == 2 for attempt, row in rows.items() if row.sweep == "deadly"):
                os._exit(3)
            reports = [report(attempt, epoch[attempt], last=epoch[attempt] == rows[attempt].epochs) for attempt in rows]
            if not reports:
                return
            self.say(ChildSaid(reports=tuple(reports)))
            rows = {attempt: row for attempt, row in rows.items() if epoch[attempt] < row.epochs}
            self.look(wait=False)

    def linger(self, assignment: Assignment) -> None:
        """In training until a verdict or the drain ends it."""
        if assignment.sweep != "silent":
            self.say(ChildSaid(reports=(report(assignment.attempt, 1),)))
        epoch = 1
        while not self.ended(assignment):
            self.look(wait=False)
            if assignment.sweep == "burst":
                epoch += 1
                self.say(ChildSaid(reports=(report(assignment.attempt, epoch),)))
            elif assignment.sweep != "silent":
                self.say(ChildSaid())

    def ended(self, assignment: Assignment) -> bool:
        attempt = assignment.attempt
        if self._draining:
            note = CheckpointNote(attempt=attempt, checkpoint=self.store(attempt))
            self.say(ChildSaid(checkpoints=(note,)))
            return True
        answers = [answer for answer in self._answers if answer.attempt == attempt]
        if any(answer.verdict is Verdict.PAUSE for answer in answers):
            checkpoint = self.store(attempt)
            ending = Ending(attempt=attempt, state="PAUSED", reason="as asked", seconds=1.0, checkpoint=checkpoint)
            self.say(ChildSaid(endings=(ending,)))
            return True
        return any(answer.verdict is Verdict.STOP for answer in answers)

    def look(self, *, wait: bool) -> None:
        try:
            told = self._inbox.get(timeout=None if wait else LOOK_SECONDS)
        except Empty:
            return
        if isinstance(told.setup, Setup):
            self._folder = Path(told.setup.checkpoint_folder)
        for task in told.tasks:
            self.do(task)
        self._held.extend(told.assignments)
        self._answers.extend(told.answers)
        self._draining = self._draining or told.drain
        for answer in told.answers:
            if answer.keep:
                weights = self.store(answer.attempt)
                self.say(ChildSaid(weights=(WeightsNote(attempt=answer.attempt, weights=weights),)))

    def do(self, task: Task) -> None:
        if isinstance(task.body, Predict) and task.body.rows == [["die"]]:
            os._exit(3)
        if isinstance(task.body, Predict):
            texts = [self.file(sha256).read_text() for sha256 in needed(task)]
            value: TaskValue = Prediction(predictions=texts)
        else:
            value = Exported(file=self.store(task.id))
        self.say(ChildSaid(task_results=(TaskResult(task=task.id, value=value),)))

    def store(self, attempt: int) -> CheckpointRef:
        content = f"state of {attempt}".encode()
        ref = CheckpointRef(sha256=hashlib.sha256(content).hexdigest(), epoch=1, num_bytes=len(content))
        self._folder.mkdir(parents=True, exist_ok=True)
        self.file(ref.sha256).write_bytes(content)
        return ref

    def file(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.safetensors"

    def _read(self, read_fd: int) -> None:
        with os.fdopen(read_fd, "rb") as lines:
            for line in lines:
                self._inbox.put(ToldChild.model_validate_json(line))
        os._exit(1)


def epochs(assignment: Assignment) -> range:
    return range(1, assignment.epochs + 1)


def report(attempt: int, epoch: int, *, last: bool = False) -> EpochReport:
    metrics = {"val_accuracy": 0.5, "pid": float(os.getpid())}
    return EpochReport(attempt=attempt, epoch=epoch, metrics=metrics, seconds=float(epoch), last=last)


if __name__ == "__main__":
    ScriptedChild(read_fd=int(sys.argv[1]), write_fd=int(sys.argv[2])).run()
