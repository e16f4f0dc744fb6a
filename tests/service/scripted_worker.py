"""A worker inside the test: it speaks the protocol to a Coordinator, and trains as a test says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from service.coordination.coordinator import Coordinator
from service.coordination.exchanging import Call
from service.errors import ServiceError
from service.protocol import ChildDeath, Exchange, ExchangeAnswer, Hello, InHand
from trainer.config import Assignment, CheckpointRef
from trainer.report import Ending, EpochReport, Verdict
from trainer.task import Task

ValueOf = Callable[[int, int], float | None]
"""The metric of a trial (its number) after an epoch."""


def rising(trial: int, epoch: int) -> float:
    """Later trials are better, and every epoch is better than the one before."""
    return round(0.1 + 0.001 * trial + 0.0001 * epoch, 6)


def checkpoint(letter: str, *, epoch: int = 1) -> CheckpointRef:
    """A checkpoint whose hash is one hexadecimal digit over and over."""
    return CheckpointRef(sha256=letter * 64, epoch=epoch, num_bytes=10)


def exchanged(coordinator: Coordinator, call: Call) -> ExchangeAnswer:
    """One request alone. Raises what it is refused with."""
    (answer,) = coordinator.exchange([call])
    if isinstance(answer, ServiceError):
        raise answer
    return answer


@dataclass
class ScriptedWorker:
    """Says hello when it is made. `hand` holds its assignments by attempt, `seconds` their training time so far.

    `tasks` are those that it was handed, done ones too.
    """

    coordinator: Coordinator
    name: str = "w1"
    slots: int = 1
    executor: Literal["local", "ray", "external"] = "external"
    metric: str = "val_accuracy"
    value_of: ValueOf = rising
    hand: dict[int, Assignment] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    answered: int = 0
    last_request: Exchange | None = None

    def __post_init__(self) -> None:
        hello = Hello(
            worker=self.name, executor=self.executor, host="here", pid=1, slots=self.slots, device="cpu", version="1"
        )
        self.token = self.coordinator.hello(hello).token

    def say(self, *, want: int = 0, **told: Any) -> ExchangeAnswer:
        """One exchange, its answer heard."""
        answer = self.say_and_miss_the_answer(want=want, **told)
        self.hear(answer)
        return answer

    def say_and_miss_the_answer(self, *, want: int = 0, **told: Any) -> ExchangeAnswer:
        """One exchange whose answer the worker never reads (it is given to the test)."""
        ended = {ending.attempt for ending in told.get("endings", ())}
        dead = {one for death in told.get("deaths", ()) for one in death.attempts}
        for attempt in ended | dead:
            self.hand.pop(attempt, None)
        in_hand = tuple(
            InHand(attempt=one, started=one in self.seconds, seconds=self.seconds.get(one, 0.0)) for one in self.hand
        )
        named = () if told.get("leaving") else in_hand
        through = sum(report.last for report in told.get("reports", ()))
        self.last_request = Exchange(
            number=self.answered + 1,
            answered=self.answered,
            in_hand=named,
            num_wanted=want,
            num_free=min(want, max(0, self.slots - len(named) + through)),
            **told,
        )
        return self.repeat()

    def repeat(self) -> ExchangeAnswer:
        """The same request again."""
        assert self.last_request is not None
        return exchanged(self.coordinator, Call(self.name, self.token, self.last_request))

    def hear(self, answer: ExchangeAnswer) -> None:
        """Takes an answer: STOP and refusals empty the hand, what ended by itself leaves it too."""
        assert self.last_request is not None
        self.answered = answer.number
        stopped = {one.attempt for one in answer.answers if one.verdict is Verdict.STOP}
        through = {report.attempt for report in self.last_request.reports if report.last}
        for attempt in stopped | through | {one.attempt for one in answer.refused}:
            self.hand.pop(attempt, None)
        self.tasks += answer.tasks
        self.hand |= {one.attempt: one for one in answer.assignments}

    def start(self, *attempts: int) -> None:
        """These attempts (none named: all in hand) make their first step, told with the next exchange."""
        for attempt in attempts or self.hand:
            self.seconds.setdefault(attempt, 0.1)

    def report(self, attempt: int, epoch: int, *, seconds: float | None = None, **values: Any) -> EpochReport:
        """The report that training gives after this epoch; `value` overrides the worker's own."""
        assignment = self.hand[attempt]
        value = values.get("value", self.value_of(assignment.trial, epoch))
        self.seconds[attempt] = float(epoch) if seconds is None else seconds
        return EpochReport(
            attempt=attempt,
            epoch=epoch,
            metrics={self.metric: value, "train_loss": 1.0 / epoch},
            seconds=self.seconds[attempt],
            last=epoch == assignment.epochs,
        )

    def reports(self, attempt: int, *, first: int = 1, last: int | None = None) -> tuple[EpochReport, ...]:
        """The reports from one epoch to another, to the last of all when none is said."""
        end = self.hand[attempt].epochs if last is None else last
        return tuple(self.report(attempt, epoch) for epoch in range(first, end + 1))

    def take(self, num_wanted: int = 1) -> list[Assignment]:
        """Asks for so many assignments."""
        return list(self.say(want=num_wanted).assignments)

    def take_and_start(self) -> Assignment:
        """One assignment, of which the first step was made and told."""
        (assignment,) = self.take()
        self.start(assignment.attempt)
        self.say()
        return assignment

    def finish(self, attempt: int) -> ExchangeAnswer:
        """Reports all epochs of an attempt."""
        return self.say(reports=self.reports(attempt))

    def work(self, *, max_trials: int = 1000) -> list[int]:
        """Trains what it is handed, one trial after the other, until there is no more; answers the trials' numbers."""
        done: list[int] = []
        while len(done) < max_trials and (assignments := self.take()):
            for assignment in assignments:
                self.finish(assignment.attempt)
                done.append(assignment.trial)
        return done

    def die(self, attempt: int, *, how: str, **values: Any) -> ExchangeAnswer:
        """The child that trained this attempt died."""
        return self.say(deaths=(ChildDeath.model_validate({"attempts": (attempt,), "how": how, **values}),))

    def end(self, attempt: int, state: str, **values: Any) -> ExchangeAnswer:
        """The attempt diverged, raised or was paused."""
        seconds = self.seconds.get(attempt, 0.0)
        ending = {"attempt": attempt, "state": state, "reason": state.lower(), "seconds": seconds, **values}
        return self.say(endings=(Ending.model_validate(ending),))
