"""Every pruner: verdict for verdict as Optuna's, and the same after it was rebuilt from records."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from sweeps.pruners.asha import Asha
from sweeps.pruners.hyperband import Hyperband
from sweeps.pruners.median import Median
from sweeps.pruners.none import NeverStop
from sweeps.pruning import Pruner
from sweeps.records import TrialRecord
from sweeps.states import TrialState
from trainer.config import Goal
from trainer.report import Verdict

EPOCHS = 27


@dataclass(frozen=True)
class Pair:
    """One of ours and the one of Optuna's that it must agree with."""

    name: str
    ours: Callable[[Goal], Pruner]
    optunas: Callable[[], BasePruner]


def asha(min_epochs: int, factor: int) -> Pair:
    return Pair(
        f"asha({min_epochs},{factor})",
        lambda goal: Asha(min_epochs=min_epochs, reduction_factor=factor, goal=goal),
        lambda: SuccessiveHalvingPruner(min_resource=min_epochs, reduction_factor=factor, min_early_stopping_rate=0),
    )


def hyperband(min_epochs: int, factor: int) -> Pair:
    return Pair(
        f"hyperband({min_epochs},{factor})",
        lambda goal: Hyperband(min_epochs=min_epochs, max_epochs=EPOCHS, reduction_factor=factor, goal=goal),
        lambda: HyperbandPruner(min_resource=min_epochs, max_resource=EPOCHS, reduction_factor=factor),
    )


def median(startup_trials: int, warmup_epochs: int) -> Pair:
    return Pair(
        f"median({startup_trials},{warmup_epochs})",
        lambda goal: Median(startup_trials=startup_trials, warmup_epochs=warmup_epochs, goal=goal),
        # Optuna warms up while step < n_warmup_steps; our first epoch is 1.
        lambda: MedianPruner(n_startup_trials=startup_trials, n_warmup_steps=warmup_epochs + 1),
    )


NONE = Pair("none", lambda _goal: NeverStop(), NopPruner)
PAIRS = [asha(2, 3), asha(1, 2), asha(3, 4), asha(40, 2), hyperband(1, 3), hyperband(2, 2), hyperband(5, 3)]
PAIRS += [median(5, 0), median(0, 4), median(1, 1), NONE]

Entry = tuple[int, int, Verdict]


class Race:
    """Trials with random curves, several at once, judged by both pruners in the same order of reports."""

    def __init__(self, pair: Pair, goal: Goal, *, seed: int) -> None:
        self.pair, self.goal, self.rng = pair, goal, random.Random(seed)
        self.pruner = pair.ours(goal)
        self.study = optuna.create_study(study_name="ravine", direction=goal, pruner=pair.optunas())
        self.records: dict[int, TrialRecord] = {}
        self.trials: dict[int, optuna.Trial] = {}
        self.levels: dict[int, float] = {}
        self.log: list[Entry] = []

    def run(self, *, num_trials: int, in_flight: int) -> None:
        while len(self.records) < num_trials or self.trials:
            if len(self.trials) < in_flight and len(self.records) < num_trials:
                trial = self.study.ask()
                self.trials[trial.number] = trial
                self.levels[trial.number] = self.rng.random()
                self.records[trial.number] = TrialRecord(trial.number, TrialState.RUNNING, {})
            else:
                self.judge(self.rng.choice([*self.trials]))
            if self.rng.random() < 0.02:
                self.rebuild()

    def rebuild(self) -> None:
        self.pruner = self.pair.ours(self.goal)
        for record in self.rng.sample([*self.records.values()], len(self.records)):
            self.pruner.remember(record)

    def judge(self, number: int) -> None:
        record, trial = self.records[number], self.trials[number]
        epoch = len(record.values) + 1
        # Coarse values: ties are what pruners disagree about.
        value = round(self.levels[number] + 1 / epoch + self.rng.gauss(0, 0.1), 1)
        finite = self.rng.random() > 0.02
        trial.report(value if finite else math.nan, epoch)
        stopped = trial.should_prune()
        verdict = self.pruner.report(number, epoch=epoch, value=value if finite else None)
        self.log.append((number, epoch, verdict))
        assert verdict is (Verdict.STOP if stopped else Verdict.CONTINUE), self.log[-1]
        self.records[number] = replace(record, values=record.values | {epoch: value if finite else None})
        if stopped or epoch == EPOCHS:
            self.end(number, state=TrialState.PRUNED if stopped else TrialState.COMPLETED)
        elif self.rng.random() < 0.01:
            self.end(number, state=TrialState.FAILED)

    def end(self, number: int, *, state: TrialState) -> None:
        optuna_state = {TrialState.PRUNED: "PRUNED", TrialState.COMPLETED: "COMPLETE", TrialState.FAILED: "FAIL"}[state]
        value = 0.0 if state is TrialState.COMPLETED else None
        self.study.tell(self.trials.pop(number), value, state=optuna.trial.TrialState[optuna_state])
        self.records[number] = replace(self.records[number], state=state)
        self.pruner.end(number, state=state)


# numpy says so inside Optuna's median pruner where a trial had no finite value yet.
@pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_verdicts_are_optunas_also_across_rebuilds(pair: Pair, goal: Goal) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stops = 0
    for seed in range(4):
        race = Race(pair, goal, seed=seed)
        race.run(num_trials=50, in_flight=6)
        stops += sum(verdict is Verdict.STOP for _, _, verdict in race.log)
    assert (stops > 0) == (pair.name not in ("none", "asha(40,2)"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_what_is_built_never_pauses(pair: Pair) -> None:
    pruner = pair.ours("minimize")
    assert pruner.rungs() == ()
    assert pruner.promote() is None


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_epochs_that_are_not_judged_always_continue(pair: Pair) -> None:
    pruner, draw = pair.ours("minimize"), random.Random(5)
    judged = pruner.judged(num_epochs=EPOCHS)
    stopped_at = set()
    for number in range(60):
        for epoch in range(1, EPOCHS):
            if pruner.report(number, epoch=epoch, value=draw.random()) is not Verdict.CONTINUE:
                stopped_at.add(epoch)
                break
        else:
            pruner.end(number, state=TrialState.COMPLETED)
    assert judged is None or stopped_at <= set(judged)
    assert judged == () or stopped_at


def test_a_value_that_is_not_finite_is_not_promoted_and_does_not_count() -> None:
    pruner = Asha(min_epochs=1, reduction_factor=2, goal="minimize")
    assert pruner.report(0, epoch=1, value=None) is Verdict.STOP
    assert pruner.report(1, epoch=1, value=math.inf) is Verdict.STOP
    assert pruner.report(2, epoch=1, value=9.0) is Verdict.CONTINUE
