"""What a worker's state is told and answers, in short."""

from service.protocol import Exchange, ExchangeAnswer, Refusal
from service.worker.child_messages import ChildSaid
from service.worker.state import WorkerState
from trainer.config import Assignment, CheckpointRef
from trainer.report import Answer, EpochReport, Verdict

NOW = 100.0
REF = CheckpointRef(sha256="a" * 64, epoch=1, num_bytes=1)


def sent(state: WorkerState, *, now: float = NOW) -> Exchange:
    exchange = state.next_exchange(now=now, heartbeat_due=True)
    assert exchange is not None
    return exchange


def answer(
    exchange: Exchange,
    *,
    assignments: tuple[Assignment, ...] = (),
    answers: tuple[Answer, ...] = (),
    refused: tuple[Refusal, ...] = (),
) -> ExchangeAnswer:
    return ExchangeAnswer(number=exchange.number, assignments=assignments, answers=answers, refused=refused)


def holding(*assignments: Assignment, slots: int = 1) -> WorkerState:
    """A worker with these in hand, given to its child, and in training as far as there are slots."""
    state = WorkerState(slots=slots)
    state.accept(answer(sent(state), assignments=assignments))
    state.to_give()
    begun = tuple(one.attempt for one in assignments[:slots])
    state.hear(ChildSaid(taken=begun, started=begun), now=NOW)
    state.accept(answer(sent(state)))
    return state


def report(epoch: int, *, attempt: int = 1, last: bool = False) -> EpochReport:
    return EpochReport(attempt=attempt, epoch=epoch, metrics={}, seconds=epoch, last=last)


def verdict(kind: Verdict, *, epoch: int | None, keep: bool = False) -> Answer:
    return Answer(attempt=1, epoch=epoch, verdict=kind, keep=keep)
