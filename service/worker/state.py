"""What a worker knows and what follows from it: no clock, no process, no network."""

from service.protocol import ChildDeath, Exchange, ExchangeAnswer, Wait
from service.worker.child_messages import ChildSaid
from service.worker.hand import Hand
from service.worker.outbox import Outbox
from service.worker.rhythm import Rhythm
from service.worker.tasks_in_hand import TasksInHand
from trainer.config import Assignment, Limits
from trainer.facts import ProblemFacts
from trainer.report import Answer, Ending, EpochReport, Verdict
from trainer.task import Task, TaskResult

ENOUGH_ROWS = 4
"""A slot that stands empty for a moment costs little beside so many rows in training."""


class WorkerState:
    """What is in hand, what is to be told, and the one exchange that may travel. Times are monotonic seconds."""

    def __init__(self, *, slots: int) -> None:
        self.hand = Hand(slots=slots)
        self.tasks = TasksInHand()
        self._problems: tuple[ProblemFacts, ...] = ()  # the plugins that the service was told of
        self._outbox = Outbox()
        self._travelling: Exchange | None = None
        self._answered = 0
        self._offered = 0  # of num_wanted, how many the service knows of and has not filled
        self._rhythm = Rhythm()
        self._idle_version: int | None = None  # set when the last answer brought no work
        self._company: str | None = None  # of what the child was given; None: it had nothing yet
        self._draining = False

    @property
    def travelling(self) -> bool:
        """An exchange is on its way."""
        return self._travelling is not None

    def hear(self, said: ChildSaid, *, now: float) -> None:
        """Takes what the child said; what concerns attempts that are no longer in hand is dropped."""
        for attempt in said.taken:
            if held := self.hand.get(attempt):
                held.taken = True
        for attempt in said.started:
            self._hear_start(attempt, now=now)
        for report in said.reports:
            self._hear_report(report, now=now)
        for ending in said.endings:
            self._hear_ending(ending, now=now)
        self._outbox.checkpoints.extend(note for note in said.checkpoints if self.hand.get(note.attempt))
        self._outbox.weights.extend(said.weights)
        for attempt in (*said.heeded, *(note.attempt for note in said.weights)):
            self.hand.weights_settled(attempt)
        self._end_tasks(said.task_results, now=now)
        self._outbox.task_results.extend(said.task_results)
        if said.problems is not None and said.problems != self._problems:
            self._problems = self._outbox.problems = said.problems

    def hear_leaving(self, said: ChildSaid, *, now: float) -> None:
        """These attempts have left their slots, these tasks are done; they are told when their files are stored."""
        for ending in said.endings:
            if held := self.hand.get(ending.attempt):
                held.ended = True
        self._end_tasks(said.task_results, now=now)

    def await_files(self, wanted: Assignment | Task, *, lacks: bool) -> None:
        """Files that this needs must be fetched first, or were."""
        if isinstance(wanted, Task):
            self.tasks.await_files(wanted.id, lacks=lacks)
        else:
            self.hand.await_files(wanted.attempt, lacks=lacks)

    def limits(self) -> Limits | None:
        """What the child must keep to; None when it has nothing to do."""
        return self.tasks.limits(self.hand.limits())

    def lose_child(self, death: ChildDeath, *, now: float) -> None:
        """The child died; `death` says how, the attempts and seconds are filled in here."""
        attempts, seconds = self.hand.lose_child(now=self.tasks.training_until(now))
        lost = self.tasks.lose_child(how=death.how)
        filled_in = {"attempts": tuple(attempts), "seconds": seconds, "num_tasks": len(lost)}
        self._outbox.deaths.append(death.model_copy(update=filled_in))
        self._outbox.task_results += lost

    def accept(self, answer: ExchangeAnswer) -> tuple[Answer, ...]:
        """Takes the answer to the travelling exchange, and tells what the child shall hear of it."""
        sent = self._travelling
        assert sent is not None
        assert answer.number == sent.number
        self._travelling, self._answered = None, answer.number
        refusals = [Answer(attempt=refused.attempt, epoch=None, verdict=Verdict.STOP) for refused in answer.refused]
        verdicts = [*self._implied(sent, answer), *answer.answers, *refusals]
        forwarded = (*(verdict for verdict in verdicts if self._follow(verdict)), *_farewells(sent))
        self._drop_finished(sent)
        if not self._draining:
            self.hand.add(answer.assignments)
            self.tasks.add(answer.tasks)
        self._offered = max(0, sent.num_wanted - len(answer.assignments))
        self._idle_version = None if answer.assignments else answer.work_version
        return forwarded

    def next_exchange(self, *, now: float, heartbeat_due: bool) -> Exchange | None:
        """The exchange to send now, if there is something to tell and none travels."""
        speaks_at = self.speaks_at
        due = heartbeat_due or (speaks_at is not None and now >= speaks_at)
        return self._pack(now=now, leaving=False) if due and self._travelling is None else None

    @property
    def speaks_at(self) -> float | None:
        """When the next exchange is due, heartbeats aside; None while there is nothing to tell."""
        grown = not self._draining and self.hand.num_wanted > self._offered
        is_short_of_work = grown and not self.hand.has_ahead
        rests = self.hand.num_training >= (ENOUGH_ROWS if is_short_of_work else 2)
        return self._rhythm.speaks_at(hurry=grown or self._outbox.is_urgent, rests=rests)

    def next_wait(self) -> Wait | None:
        """What to wait for when there is nothing in hand and nothing to tell."""
        if self._travelling or len(self.hand) or self._draining or self._idle_version is None:
            return None
        if self.speaks_at is not None:
            return None
        return Wait(work_version=self._idle_version)

    def wait_ended(self) -> None:
        """A long poll came back: ask again."""
        self._rhythm.hurry = True

    def drain(self) -> None:
        """Nothing more is wanted, and what no child has is handed back."""
        self._draining = True
        self.hand.drop_not_given()

    def leave(self, *, now: float) -> Exchange:
        """The last exchange: tells what is left to tell, names nothing in hand."""
        return self._pack(now=now, leaving=True)

    def to_give(self) -> tuple[Assignment, ...]:
        """What the child gets now, in order.

        A sweep with a memory limit shares no child with another, and what shall run alone begins where nothing else is.
        """
        chosen = []
        for held in self.hand.not_given():
            crowded = held.assignment.alone and self.tasks.in_child
            if self._company not in (None, held.company) or crowded or not self.hand.admits(held):
                break
            self._company, held.given = held.company, True
            chosen.append(held.assignment)
        return tuple(chosen)

    def needs_other_child(self) -> bool:
        """The next assignment may not share the child, and the child has nothing to lose."""
        waiting = next(self.hand.not_given(), None)
        alone = waiting is not None and self._company not in (None, waiting.company)
        return alone and self.hand.child_is_free and not self.tasks.in_child

    def new_child(self) -> None:
        """There is another child, which fits any company."""
        self._company = None

    def _pack(self, *, now: float, leaving: bool) -> Exchange:
        parcel = self._outbox.pack(now=now)
        for ending in parcel.endings:
            self.hand.drop(ending.attempt)
        quiet = leaving or self._draining
        named = (*self.hand.named(now=self.tasks.training_until(now)), *self._outbox.named_dead())
        self._rhythm.spoke(now=now, hurry=bool(self._outbox.reports))
        self._travelling = Exchange(
            number=self._answered + 1,
            answered=self._answered,
            in_hand=() if leaving else named,
            num_free=0 if quiet else self.hand.num_free,
            num_wanted=0 if quiet else self.hand.num_wanted,
            leaving=leaving,
            **vars(parcel),
        )
        return self._travelling

    def _end_tasks(self, results: tuple[TaskResult, ...], *, now: float) -> None:
        for result in results:
            self.hand.stood_still(self.tasks.end(result.task, now=now))

    def _hear_start(self, attempt: int, *, now: float) -> None:
        held = self.hand.get(attempt)
        if held is not None and not held.started:
            held.taken = held.started = True
            held.time(seconds=0.0, now=now)
            self._rhythm.linger(now=now)

    def _hear_report(self, report: EpochReport, *, now: float) -> None:
        held = self.hand.get(report.attempt)
        if held is None or held.through or (held.pause_epoch is not None and report.epoch > held.pause_epoch):
            return
        held.taken = held.started = True
        held.last = report.last
        held.time(seconds=report.seconds, now=now)
        self._outbox.reports.append((report, now))
        judged = held.assignment.judged
        if report.last or judged is None or report.epoch in judged:
            self._rhythm.hurry = True
        else:
            self._rhythm.linger(now=now)

    def _hear_ending(self, ending: Ending, *, now: float) -> None:
        if held := self.hand.get(ending.attempt):
            held.taken = held.ended = True
            held.time(seconds=ending.seconds, now=now)
            self._outbox.endings.append(ending)

    def _follow(self, answer: Answer) -> bool:
        """Applies a verdict to the hand; true when the child has the attempt and must hear of it."""
        held = self.hand.get(answer.attempt)
        if held is None:
            return False
        if answer.verdict is not Verdict.CONTINUE:
            self._outbox.forget(answer.attempt, after_epoch=answer.epoch or 0)
        if answer.keep and held.given:
            self.hand.weights_wanted(answer.attempt)
        if answer.verdict is Verdict.PAUSE and held.given:
            held.pause_epoch, held.ended = answer.epoch, False
        elif answer.verdict is not Verdict.CONTINUE:
            self.hand.drop(answer.attempt)
        return held.given

    def _implied(self, sent: Exchange, answer: ExchangeAnswer) -> list[Answer]:
        """A report that got no verdict may continue; a child that keeps the state of a rung until then must hear it."""
        answered = {(verdict.attempt, verdict.epoch) for verdict in answer.answers}
        return [
            Answer(attempt=report.attempt, epoch=report.epoch, verdict=Verdict.CONTINUE)
            for report in sent.reports
            if (held := self.hand.get(report.attempt)) is not None
            and report.epoch in held.assignment.rungs
            and (report.attempt, report.epoch) not in answered
        ]

    def _drop_finished(self, sent: Exchange) -> None:
        """An attempt whose last report was answered is in hand no more, unless it was paused further back."""
        for report in sent.reports:
            held = self.hand.get(report.attempt)
            if report.last and held is not None and held.pause_epoch is None:
                self.hand.drop(report.attempt)


def _farewells(sent: Exchange) -> list[Answer]:
    """A child that still keeps the state of a rung of what ended may let go: no verdict reaches that any more."""
    return [
        Answer(attempt=ending.attempt, epoch=None, verdict=Verdict.STOP)
        for ending in sent.endings
        if ending.state != "PAUSED"
    ]
