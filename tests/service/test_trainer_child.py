"""The real trainer child over its pipes: what the parent hears of a training."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from service.settings import inherited
from service.worker.child_messages import ChildSaid, Setup, ToldChild
from service.worker.child_process import ChildProcess
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.report import Answer, Verdict
from trainer.settings import Settings

HEAR_SECONDS = 60.0


def wine(attempt: int, *, epochs: int) -> Assignment:
    return Assignment(
        attempt=attempt,
        sweep="s",
        trial=attempt,
        problem=ProblemConfig(dataset="wine"),
        settings=Settings(),
        epochs=epochs,
        seed=7,
        metric=MetricConfig(),
        rungs=(1,),
    )


class Listener:
    """The parent's side of one child."""

    def __init__(self, folder: Path, *, problems: tuple[str, ...] = (), slots: int = 1) -> None:
        self._said: SimpleQueue[ChildSaid | None] = SimpleQueue()
        self.process = ChildProcess(
            (sys.executable, "-m", "service.trainer_child"),
            environment={**inherited(), "OMP_NUM_THREADS": "1"},
            hear=self._hear,
            ended=lambda _child: self._said.put(None),
        )
        setup = Setup(slots=slots, device="cpu", checkpoint_folder=str(folder), problems=problems)
        self.process.tell(ToldChild(setup=setup))

    def _hear(self, every: tuple[ChildSaid, ...]) -> None:
        for said in every:
            self._said.put(said)

    def until(self, holds: Callable[[ChildSaid], object]) -> list[ChildSaid]:
        """What is said up to the first message for which it holds."""
        heard = []
        while (said := self._said.get(timeout=HEAR_SECONDS)) is not None:
            heard.append(said)
            if holds(said):
                return heard
        raise AssertionError(f"the child ended: {self.process.death()}")

    def rest(self) -> list[ChildSaid]:
        """What is said up to the end of the child."""
        return list(iter(lambda: self._said.get(timeout=HEAR_SECONDS), None))


@contextmanager
def child(folder: Path, *, slots: int = 1) -> Iterator[Listener]:
    listener = Listener(folder, slots=slots)
    try:
        yield listener
    finally:
        listener.process.kill()


def test_it_trains_pauses_keeps_weights_and_drains(tmp_path: Path) -> None:
    with child(tmp_path) as listener:
        assert listener.until(lambda said: said.ready)[0].ready
        listener.process.tell(ToldChild(assignments=(wine(1, epochs=3), wine(2, epochs=100_000))))
        first = listener.until(lambda said: said.reports and said.reports[0].last)
        assert [said.taken for said in first if said.taken] == [(1,)]
        assert [said.started for said in first if said.started] == [(1,)]
        reports = [report for said in first for report in said.reports]
        assert [(report.attempt, report.epoch) for report in reports] == [(1, 1), (1, 2), (1, 3)]

        listener.process.tell(ToldChild(answers=(Answer(attempt=1, epoch=3, verdict=Verdict.STOP, keep=True),)))
        (weights,) = listener.until(lambda said: said.weights)[-1].weights
        assert (tmp_path / f"{weights.weights.sha256}.safetensors").is_file()

        listener.until(lambda said: said.heeded == (1,))

        listener.until(lambda said: any(report.attempt == 2 for report in said.reports))
        listener.process.tell(ToldChild(answers=(Answer(attempt=2, epoch=1, verdict=Verdict.PAUSE),)))
        (paused,) = listener.until(lambda said: said.endings)[-1].endings
        assert (paused.attempt, paused.state) == (2, "PAUSED")
        assert paused.checkpoint is not None
        assert paused.checkpoint.epoch == 1

        listener.process.tell(ToldChild(assignments=(wine(3, epochs=100_000),)))
        listener.until(lambda said: said.reports)
        listener.process.tell(ToldChild(drain=True))
        notes = [note for said in listener.rest() for note in said.checkpoints]
        assert [note.attempt for note in notes] == [3]
        assert (listener.process.death().how, listener.process.death().code) == ("exit", 0)


def test_many_rows_say_together_what_came_of_a_step_and_all_leave_checkpoints(tmp_path: Path) -> None:
    rows = [wine(attempt, epochs=100_000) for attempt in range(1, 13)]
    rows = [row.model_copy(update={"engine": "fused", "width": 16, "rungs": ()}) for row in rows]
    with child(tmp_path, slots=16) as listener:
        listener.process.tell(ToldChild(assignments=tuple(rows)))
        heard = listener.until(lambda said: any(report.attempt == 12 and report.epoch == 3 for report in said.reports))
        assert {attempt for said in heard for attempt in said.taken} == set(range(1, 13))
        assert max(len(said.reports) for said in heard) == 12
        listener.process.tell(ToldChild(drain=True))
        notes = [note for said in listener.rest() for note in said.checkpoints]
        assert sorted(note.attempt for note in notes) == list(range(1, 13))
        assert all((tmp_path / f"{note.checkpoint.sha256}.safetensors").is_file() for note in notes)


def test_weights_that_cannot_be_written_are_heeded_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with child(tmp_path / "file") as listener:
        listener.process.tell(ToldChild(assignments=(wine(1, epochs=1),)))
        listener.until(lambda said: said.reports)
        listener.process.tell(ToldChild(answers=(Answer(attempt=1, epoch=1, verdict=Verdict.STOP, keep=True),)))
        heard = listener.until(lambda said: said.heeded == (1,))
        assert not any(said.weights for said in heard)


def test_a_signal_makes_it_write_checkpoints_and_counts_as_a_signal(tmp_path: Path) -> None:
    with child(tmp_path) as listener:
        listener.process.tell(ToldChild(assignments=(wine(1, epochs=100_000),)))
        listener.until(lambda said: said.reports)
        os.kill(listener.process.pid, signal.SIGTERM)
        notes = [note for said in listener.rest() for note in said.checkpoints]
        assert [note.attempt for note in notes] == [1]
        assert (listener.process.death().how, listener.process.death().signal) == ("signal", signal.SIGTERM)


@pytest.mark.parametrize("garbage", [b"not json\n", b'{"unknown": 1}\n'])
def test_a_child_that_talks_nonsense_is_killed(garbage: bytes) -> None:
    said: SimpleQueue[object] = SimpleQueue()
    code = f"import os, sys, signal; os.write(int(sys.argv[2]), {garbage!r}); signal.pause()"
    talker = ChildProcess((sys.executable, "-c", code), environment=inherited(), hear=said.put, ended=said.put)
    assert said.get(timeout=HEAR_SECONDS) is talker
    assert talker.death().signal == signal.SIGKILL
    talker.close()
