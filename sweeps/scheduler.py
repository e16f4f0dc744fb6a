"""What to try next and when to stop: a pure state machine over the records of a sweep's trials."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweeps.pruning import Pruner, pruner_of
from sweeps.records import Proposal, Told, TrialRecord
from sweeps.space.coordinates import derived
from sweeps.space.together import tried_errors
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_TRIAL_STATES, TrialState
from sweeps.studies.grid import GridStudy
from sweeps.studies.lessons import Asked, Study, lesson_of
from sweeps.studies.study import OptunaStudy
from sweeps.studies.tpe import TpeStudy
from sweeps.wrong import InvalidSpec
from trainer.report import Verdict
from trainer.settings import Setting


class Scheduler:
    """The sampler and the pruner of one sweep.

    Built anew from what is stored (`records` in any order, the study's attributes as last returned) it goes on as if
    nothing had happened. Trials are numbered from 0 without gaps. Nothing here reads a clock, draws without a seed or
    keeps anything that the records do not hold.
    """

    def __init__(
        self,
        spec: SweepSpec,
        *,
        records: Iterable[TrialRecord],
        study_attrs: Mapping[str, Any],
        pruner: Pruner | None = None,
    ) -> None:
        self._goal = spec.goal_metric.goal
        self._epochs = spec.budget.epochs
        self._num_train = spec.num_train
        self._space = space = spec.search_space
        own = (replace(record, settings=space.own(record.settings)) for record in records)
        remembered = sorted(own, key=lambda record: record.number)
        self._asked = {
            each.number: Asked(each.number, each.settings, each.attrs)
            for each in remembered
            if each.tell_number is None
        }
        self._num_asked = len(remembered)
        self._num_told = self._num_asked - len(self._asked)
        self._pruner = pruner if pruner is not None else pruner_of(spec)
        self._judged: dict[int, tuple[int, Verdict]] = {}
        self._take_back(remembered)
        self._study = _study_of(spec, records=remembered, asked=self._asked.values(), attrs=study_attrs)

    def propose(self, fixed: Mapping[str, Setting] | None = None) -> Proposal | None:
        """The next trial, with `fixed` among its settings; None when there is nothing left to try (grid).

        What its coordinates lead to stands beside them; the study knows the space's own settings alone. Raises
        InvalidSpec where `fixed` lies outside the space. A spec that needs a range test has its bounds by now.
        """
        if fixed and (faults := tried_errors(self._space, settings=fixed, field="settings")):
            raise InvalidSpec(faults)
        asked = self._study.ask(self._num_asked, fixed=fixed or {})
        if asked is None:
            return None
        self._asked[asked.number] = asked
        self._num_asked += 1
        settings = derived(asked.settings, num_train=self._num_train)
        return Proposal(asked.number, settings, dict(asked.attrs), self._study.attrs())

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """The verdict on an epoch of a trial; `value` is the metric at that epoch, None where it is not finite.

        An epoch that was judged before gets the verdict it got. After its last epoch a trial is never stopped.
        """
        judged_epoch, verdict = self._judged.get(number, (0, Verdict.CONTINUE))
        if epoch < judged_epoch:
            return Verdict.CONTINUE
        if epoch == judged_epoch or verdict is Verdict.STOP:
            return verdict
        verdict = self._pruner.report(number, epoch=epoch, value=value)
        if epoch >= self._epochs:
            verdict = Verdict.CONTINUE
        self._judged[number] = (epoch, verdict)
        return verdict

    def tell(self, number: int, *, state: TrialState, values: Mapping[int, float | None]) -> Told:
        """A trial ended in `state` with these values by epoch; to be called once for each trial."""
        assert state in FINAL_TRIAL_STATES
        asked = self._asked.pop(number)
        self._study.tell(lesson_of(asked, state=state, values=values, goal=self._goal))
        self._pruner.end(number, state=state)
        told = Told(tell_number=self._num_told, attrs=dict(asked.attrs), study_attrs=self._study.attrs())
        self._num_told += 1
        return told

    def promote(self) -> int | None:
        """A paused trial that may go on from its checkpoint; None where there is none."""
        number = self._pruner.promote()
        if number is not None:
            self._judged[number] = (self._judged[number][0], Verdict.CONTINUE)
        return number

    @property
    def num_left(self) -> int | None:
        """How many settings are left to propose; None where there is no end of them."""
        return self._study.num_left

    def rungs(self) -> tuple[int, ...]:
        """The epochs at which PAUSE may be the verdict."""
        return self._pruner.rungs()

    def judged(self) -> tuple[int, ...] | None:
        """The epochs before the last at which the verdict may be another than CONTINUE; None: at any."""
        return self._pruner.judged(num_epochs=self._epochs)

    def _take_back(self, records: Sequence[TrialRecord]) -> None:
        for record in records:
            self._pruner.remember(record)
            if record.values:
                self._judged[record.number] = (max(record.values), _last_verdict(record.state))


def _last_verdict(state: TrialState) -> Verdict:
    """The verdict on the last epoch of a trial that is now in `state`: a trial that was stopped is PRUNED."""
    return {TrialState.PRUNED: Verdict.STOP, TrialState.PAUSED: Verdict.PAUSE}.get(state, Verdict.CONTINUE)


def _study_of(
    spec: SweepSpec, *, records: Sequence[TrialRecord], asked: Iterable[Asked], attrs: Mapping[str, Any]
) -> Study:
    goal, seed = spec.goal_metric.goal, spec.sampler.seed
    assert seed is not None
    if spec.sampler.kind == "grid":
        return GridStudy(spec.search_space, seed=seed, tried=[record.settings for record in records])
    study: TpeStudy | OptunaStudy
    if spec.sampler.kind == "tpe":
        study = TpeStudy(spec.search_space, seed=seed, goal=goal)
    else:
        study = OptunaStudy(spec.search_space, kind=spec.sampler.kind, seed=seed, goal=goal, attrs=attrs)
    told = sorted((each for each in records if each.tell_number is not None), key=lambda each: each.tell_number or 0)
    lessons = [
        lesson_of(Asked(each.number, each.settings, each.attrs), state=each.state, values=each.values, goal=goal)
        for each in told
    ]
    study.recall(asked=asked, lessons=lessons)
    return study
