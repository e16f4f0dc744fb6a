"""What a worker has to tell the service and could not tell yet."""

from dataclasses import dataclass, field

from service.protocol import ChildDeath, InHand
from trainer.facts import ProblemFacts
from trainer.report import CheckpointNote, Ending, EpochReport, WeightsNote
from trainer.task import TaskResult

MAX_REPORTS = 2000


@dataclass(frozen=True)
class Parcel:
    """What goes in one exchange."""

    reports: tuple[EpochReport, ...] = ()
    endings: tuple[Ending, ...] = ()
    checkpoints: tuple[CheckpointNote, ...] = ()
    weights: tuple[WeightsNote, ...] = ()
    deaths: tuple[ChildDeath, ...] = ()
    task_results: tuple[TaskResult, ...] = ()
    problems: tuple[ProblemFacts, ...] | None = None


@dataclass
class Outbox:
    """Reports with the monotonic time of their coming, all else in lists, and the plugins where they are news."""

    reports: list[tuple[EpochReport, float]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    checkpoints: list[CheckpointNote] = field(default_factory=list)
    weights: list[WeightsNote] = field(default_factory=list)
    deaths: list[ChildDeath] = field(default_factory=list)
    task_results: list[TaskResult] = field(default_factory=list)
    problems: tuple[ProblemFacts, ...] | None = None

    @property
    def is_urgent(self) -> bool:
        """There is something to tell besides reports."""
        news = self.endings or self.checkpoints or self.weights or self.deaths or self.task_results
        return bool(news) or self.problems is not None

    def named_dead(self) -> list[InHand]:
        """Attempts whose death goes in a later parcel; they count as in hand, or it would come too late."""
        return [
            InHand(attempt=attempt, started=death.seconds > 0, seconds=death.seconds)
            for death in self.deaths
            for attempt in death.attempts
        ]

    def forget(self, attempt: int, *, after_epoch: int) -> None:
        """Throws away what an attempt did after this epoch."""
        self.reports = [
            (report, at) for report, at in self.reports if report.attempt != attempt or report.epoch <= after_epoch
        ]
        self.checkpoints = [
            note for note in self.checkpoints if note.attempt != attempt or note.checkpoint.epoch <= after_epoch
        ]
        self.endings = [ending for ending in self.endings if ending.attempt != attempt]

    def pack(self, *, now: float) -> Parcel:
        """Empties the outbox into a parcel. After an outage reports go in several; what follows from them goes last."""
        chosen, self.reports = self.reports[:MAX_REPORTS], self.reports[MAX_REPORTS:]
        reports = tuple(report.model_copy(update={"age_seconds": max(0.0, now - at)}) for report, at in chosen)
        if self.reports:
            return Parcel(reports=reports)
        rest = Parcel(
            reports,
            tuple(self.endings),
            tuple(self.checkpoints),
            tuple(self.weights),
            tuple(self.deaths),
            tuple(self.task_results),
            self.problems,
        )
        self.endings, self.checkpoints, self.weights, self.deaths = [], [], [], []
        self.task_results, self.problems = [], None
        return rest
