"""A search over an in-memory Optuna study that can be rebuilt at any moment from what was asked and told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from sweeps.studies.distributions import distributions_of, suggested
from sweeps.studies.lessons import Asked, Lesson
from sweeps.studies.samplers import LEARNING_SAMPLERS, sampler_of
from sweeps.studies.window import window_start, windowed
from trainer.config import Goal
from trainer.settings import Setting


@dataclass(frozen=True)
class Heard:
    """What Optuna is told of a trial: its state, the value of a COMPLETE one, the last report of a PRUNED one."""

    asked: Asked
    state: OptunaState
    value: float | None = None
    report: tuple[int, float] | None = None


class OptunaStudy:
    """A Study by one of Optuna's samplers: tpe, cmaes, random or qmc.

    Only tpe and cmaes look at earlier trials; the others are not burdened with them.
    """

    def __init__(self, space: SearchSpace, *, kind: str, seed: int, goal: Goal, attrs: Mapping[str, Any]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._kind = kind
        self._goal = goal
        self._distributions = distributions_of(space)
        self._sampler_of = sampler_of(kind, seed=seed, space=space)
        self._in_flight: dict[int, Asked] = {}
        self._heard: list[Heard] = []
        self._worst: float | None = None
        self._build(attrs)

    def recall(self, *, asked: Iterable[Asked], lessons: Iterable[Lesson]) -> None:
        """Takes back what an earlier study knew: trials that have not ended, and lessons in the order of telling."""
        if self._kind in LEARNING_SAMPLERS:
            self._in_flight = {each.number: each for each in asked}
            for lesson in lessons:
                self._hear(lesson)
            self._build(self.attrs())

    def ask(self, number: int, *, fixed: Mapping[str, Setting]) -> Asked | None:
        """Settings for a trial with `fixed`, which lies in the space, among them."""
        self._study.sampler = self._sampler_of(number)
        if searched := {name: value for name, value in fixed.items() if name in self._distributions}:
            self._study.enqueue_trial(searched)
        trial = self._study.ask()
        settings = suggested(self._space, trial=trial)
        attrs = dict(self._storage.get_trial_system_attrs(trial._trial_id))
        asked = Asked(number=number, settings=settings, attrs=attrs)
        if self._kind in LEARNING_SAMPLERS:
            self._in_flight[number] = asked
            self._optuna_ids[number] = trial._trial_id
        return asked

    def tell(self, lesson: Lesson) -> None:
        """A trial ended."""
        if self._kind not in LEARNING_SAMPLERS:
            return
        del self._in_flight[lesson.asked.number]
        heard = self._hear(lesson)
        if self._kind == "tpe" and window_start(len(self._heard)) == len(self._heard):
            self._build(self.attrs())
            return
        optuna_id = self._optuna_ids.pop(lesson.asked.number)
        if heard.report is not None:
            self._storage.set_trial_intermediate_value(optuna_id, *heard.report)
        self._storage.set_trial_state_values(optuna_id, heard.state, None if heard.value is None else [heard.value])

    def attrs(self) -> dict[str, Any]:
        """The study's attributes: the place of qmc in its sequence."""
        return self._storage.get_study_system_attrs(self._study._study_id)

    @property
    def num_left(self) -> int | None:
        """There is no end of them."""
        return None

    def _hear(self, lesson: Lesson) -> Heard:
        value = lesson.best if lesson.state is TrialState.COMPLETED else lesson.last and lesson.last[1]
        self._worst = self._worse(self._worst, value)
        heard = heard_by(lesson, kind=self._kind, worst=self._worst)
        self._heard.append(heard)
        return heard

    def _worse(self, one: float | None, other: float | None) -> float | None:
        known = [value for value in (one, other) if value is not None]
        return (max if self._goal == "minimize" else min)(known, default=None)

    def _build(self, attrs: Mapping[str, Any]) -> None:
        self._storage = InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage, direction=self._goal, pruner=optuna.pruners.NopPruner()
        )
        for key, value in attrs.items():
            self._storage.set_study_system_attr(self._study._study_id, key, value)
        told = windowed(self._heard, rank=self._rank) if self._kind == "tpe" else self._heard
        running = [Heard(each, OptunaState.RUNNING) for each in self._in_flight.values()]
        self._optuna_ids: dict[int, int] = {}
        for optuna_id, heard in enumerate(sorted((*told, *running), key=lambda heard: heard.asked.number)):
            self._study.add_trial(self._frozen(heard))
            self._optuna_ids[heard.asked.number] = optuna_id

    def _frozen(self, heard: Heard) -> FrozenTrial:
        settings = heard.asked.settings
        searched = {name: each for name, each in self._distributions.items() if name in settings}
        return create_trial(
            state=heard.state,
            value=heard.value,
            params={name: settings[name] for name in searched},
            distributions=searched,
            system_attrs=heard.asked.attrs,
            intermediate_values=dict([heard.report]) if heard.report is not None else {},
        )

    def _rank(self, heard: Heard) -> tuple[float, float, float]:
        """TPE's own order: completed trials by value, then pruned ones by how far they came, then by value."""
        sign = 1 if self._goal == "minimize" else -1
        if heard.value is not None:
            return (0, 0, sign * heard.value)
        if heard.report is not None:
            return (1, -heard.report[0], sign * heard.report[1])
        return (2 if heard.state is OptunaState.PRUNED else 3, 0, 0)


def heard_by(lesson: Lesson, *, kind: str, worst: float | None) -> Heard:
    """What a sampler is told of a trial; `worst` is the worst finite value that it could have heard of so far.

    TPE learns from PRUNED and ignores FAIL; CMA-ES learns from COMPLETE alone, so that a divergence is told as that.
    """
    asked, state = lesson.asked, lesson.state
    if state in (TrialState.CANCELLED, TrialState.FAILED):
        return Heard(asked, OptunaState.FAIL)
    if state is TrialState.COMPLETED and lesson.best is not None:
        return Heard(asked, OptunaState.COMPLETE, value=lesson.best)
    if kind == "cmaes" and state is not TrialState.PRUNED:
        return Heard(asked, OptunaState.FAIL if worst is None else OptunaState.COMPLETE, value=worst)
    return Heard(asked, OptunaState.PRUNED, report=lesson.last)
