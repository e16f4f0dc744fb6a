"""A trainer that trains nothing and takes its time: it says what a child would say, when it would say it."""

import random
from collections import deque
from collections.abc import Iterable

from benchmarks.noop_child import metrics
from service.worker.child_messages import ChildSaid
from trainer.config import Assignment
from trainer.report import Answer, EpochReport, Verdict

SHORTEST, LONGEST = 0.5, 1.5
"""Trials last between these parts of the mean."""


class Timetable:
    """One slot: one assignment after the other. Times are monotonic seconds."""

    def __init__(self, *, trial_seconds: float) -> None:
        self._trial_seconds = trial_seconds
        self._given: deque[Assignment] = deque()
        self._trained: Assignment | None = None
        self._begun_at = self._epoch_seconds = 0.0
        self._epoch = 0

    @property
    def due_at(self) -> float | None:
        """When the next epoch ends; None while there is nothing to train."""
        return None if self._trained is None else self._begun_at + (self._epoch + 1) * self._epoch_seconds

    def give(self, assignments: Iterable[Assignment]) -> None:
        """More to train."""
        self._given.extend(assignments)

    def obey(self, answers: Iterable[Answer]) -> None:
        """What was stopped is trained no further."""
        for answer in answers:
            if answer.verdict is Verdict.CONTINUE:
                continue
            self._given = deque(one for one in self._given if one.attempt != answer.attempt)
            if self._trained is not None and self._trained.attempt == answer.attempt:
                self._trained = None

    def said(self, now: float) -> ChildSaid | None:
        """What was said by now and not heard yet."""
        reports: list[EpochReport] = []
        started: list[int] = []
        while (report := self._next_report(now)) is not None:
            reports.append(report)
        if self._trained is None and self._given:
            self._begin(self._given.popleft(), now=now)
            started = [self._trained.attempt] if self._trained is not None else []
        if not reports and not started:
            return None
        return ChildSaid(taken=tuple(started), started=tuple(started), reports=tuple(reports))

    def _begin(self, assignment: Assignment, *, now: float) -> None:
        drawn = random.Random(assignment.seed).uniform(SHORTEST, LONGEST)
        self._trained, self._epoch, self._begun_at = assignment, 0, now
        self._epoch_seconds = drawn * self._trial_seconds / assignment.epochs

    def _next_report(self, now: float) -> EpochReport | None:
        trained, due_at = self._trained, self.due_at
        if trained is None or due_at is None or now < due_at:
            return None
        self._epoch += 1
        is_last = self._epoch == trained.epochs
        if is_last:
            self._trained = None
        return EpochReport(
            attempt=trained.attempt,
            epoch=self._epoch,
            metrics=metrics(vars(trained.settings), epoch=self._epoch),
            seconds=due_at - self._begun_at,
            last=is_last,
        )
