"""A search over an in-memory Optuna study that can be rebuilt at any moment from what was asked and told."""

from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from sweeps.studies.distributions import distributions_of, suggested
from sweeps.studies.heard import Heard, heard_by
from sweeps.studies.lessons import Asked, Lesson
from sweeps.studies.samplers import sampler_of
from trainer.config import Goal
from trainer.settings import Setting


class OptunaStudy:
    """A Study by one of Optuna's samplers: cmaes, random or qmc.

    Only cmaes looks at earlier trials; the others are not burdened with them.
    """

    def __init__(self, space: SearchSpace, *, kind: str, seed: int, goal: Goal, attrs: Mapping[str, Any]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._kind = kind
        self._goal = goal
        self._learns = kind == "cmaes"
        self._distributions = distributions_of(space)
        self._sampler_of = sampler_of(kind, seed=seed, space=space)
        self._worst: float | None = None
        self._build(attrs)

    def recall(self, *, asked: Iterable[Asked], lessons: Iterable[Lesson]) -> None:
        """Takes back what an earlier study knew: trials that have not ended, and lessons in the order of telling."""
        if self._learns:
            told = [self._hear(lesson) for lesson in lessons]
            running = [Heard(each, OptunaState.RUNNING) for each in asked]
            self._build(self.attrs(), heard=(*told, *running))

    def ask(self, number: int, *, fixed: Mapping[str, Setting]) -> Asked | None:
        """Settings for a trial with `fixed`, which lies in the space, among them."""
        self._study.sampler = self._sampler_of(number)
        if searched := {name: value for name, value in fixed.items() if name in self._distributions}:
            self._study.enqueue_trial(searched)
        trial = self._study.ask()
        settings = suggested(self._space, trial=trial)
        attrs = dict(self._storage.get_trial_system_attrs(trial._trial_id))
        if self._learns:
            self._optuna_ids[number] = trial._trial_id
        return Asked(number=number, settings=settings, attrs=attrs)

    def tell(self, lesson: Lesson) -> None:
        """A trial ended."""
        if self._learns:
            heard = self._hear(lesson)
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
        return heard_by(lesson, kind=self._kind, worst=self._worst)

    def _worse(self, one: float | None, other: float | None) -> float | None:
        known = [value for value in (one, other) if value is not None]
        return (max if self._goal == "minimize" else min)(known, default=None)

    def _build(self, attrs: Mapping[str, Any], *, heard: Iterable[Heard] = ()) -> None:
        self._storage = InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage, direction=self._goal, pruner=optuna.pruners.NopPruner()
        )
        for key, value in attrs.items():
            self._storage.set_study_system_attr(self._study._study_id, key, value)
        self._optuna_ids: dict[int, int] = {}
        for optuna_id, each in enumerate(sorted(heard, key=lambda one: one.asked.number)):
            self._study.add_trial(self._frozen(each))
            self._optuna_ids[each.asked.number] = optuna_id

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
