"""How much each parameter matters, by PED-ANOVA (Watanabe et al., IJCAI 2023; conditional parameters: KDD 2026).

`python -m sweeps.insights.importances` reads a Question as JSON from standard input and writes the shares to
standard output: Optuna's evaluators import scikit-learn (1 s, 100 MB), which no process that serves has a use for.
"""

import sys
import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, create_trial
from pydantic import TypeAdapter

from sweeps.insights.importance_question import Question, Ranked
from sweeps.insights.varied import varied
from sweeps.studies.distributions import distributions_of
from trainer.config import Goal

SHARES = TypeAdapter(dict[str, float])
TOP_SHARE = 0.1
FEWEST_TOP = 5
"""Trials that the best group holds at least: Optuna's advice for its evaluator."""


def shares_of(question: Question) -> dict[str, float]:
    """The importance of each parameter that was searched, all adding up to 1; empty when nothing tells them apart."""
    names = varied(question.space)
    distributions = {name: each for name, each in distributions_of(question.space).items() if name in names}
    trials = [_frozen(one, distributions=distributions) for one in question.trials]
    scores = _scores(trials, goal=question.spec.goal_metric.goal)
    total = sum(scores.values())
    return {name: scores.get(name, 0.0) / total for name in names} if total > 0 else {}


def _scores(trials: Sequence[FrozenTrial], *, goal: Goal) -> dict[str, float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=goal)
    study.add_trials(trials)
    top = min(0.5, max(TOP_SHARE, FEWEST_TOP / len(trials)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a branch of the space has few trials: the figure names their number
        return PedAnovaImportanceEvaluator(target_quantile=top).evaluate(study)


def _frozen(one: Ranked, *, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    active = {name: each for name, each in distributions.items() if name in one.settings}
    return create_trial(value=one.value, params={name: one.settings[name] for name in active}, distributions=active)


def main() -> None:
    """Answers one question."""
    question = Question.model_validate_json(sys.stdin.buffer.read())
    sys.stdout.buffer.write(SHARES.dump_json(shares_of(question)))


if __name__ == "__main__":
    main()
