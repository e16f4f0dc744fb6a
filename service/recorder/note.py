"""The answer of a sweep as a page of Markdown: what a person reads first on its parent run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.engine_records import GroupEngine
from service.recorder.champion_name import champion_uri
from service.records import Sweep, Trial
from sweeps.states import FINAL_SWEEP_STATES, TrialState
from trainer.settings import Setting


@dataclass(frozen=True)
class Standing:
    """How a sweep stands: trials per state, the best COMPLETED trial, the baseline where the sweep has one.

    `engines`: of the groups of trials of which the engine is chosen.
    """

    counts: Mapping[TrialState, int]
    best: Trial | None
    baseline: Trial | None
    engines: Sequence[GroupEngine] = ()


def note(sweep: Sweep, *, standing: Standing) -> str:
    """The best settings beside the baseline's, how far they are ahead, and what became of the trials."""
    parts = [_headline(sweep, standing=standing)]
    if standing.best is not None:
        parts.append(_table(standing.best, baseline=standing.baseline))
    if (found := sweep.range_test) is not None:
        bounds = f"from {found.low:.2g} to {found.high:.2g}"
        parts.append(f"Range test: search `learning_rate` {bounds}; its curve: range_test.html")
    if not sweep.spec.only_range_test:
        parts.append(_counts(sweep, standing=standing))
    if sweep.export is not None and sweep.export.state == "READY":
        parts.append(f'Use the winner: `mlflow.pyfunc.load_model("{champion_uri(sweep.name)}")`')
    if sweep.reason:
        parts.append(f"Reason: {sweep.reason}")
    return "\n\n".join(part for part in parts if part)


def _headline(sweep: Sweep, *, standing: Standing) -> str:
    metric, best = sweep.spec.goal_metric, standing.best
    if best is None or best.value is None:
        what = "learning-rate range test" if sweep.spec.only_range_test else f"{metric.goal} {metric.name}"
        return f"### {sweep.state.value.capitalize()}: {what}"
    line = f"### Best: {metric.name} = {_short(best.value)} (trial #{best.number}, epoch {best.best_epoch})"
    return line + _comparison(best.value, goal=metric.goal, baseline=standing.baseline)


def _comparison(value: float, *, goal: str, baseline: Trial | None) -> str:
    if baseline is None or baseline.value is None:
        return ""
    ahead = value - baseline.value if goal == "maximize" else baseline.value - value
    against = f"the baseline ({_short(baseline.value)}, trial #{baseline.number})"
    if ahead == 0:
        return f"\n\nAs good as {against}."
    return f"\n\n{_short(abs(ahead))} {'better' if ahead > 0 else 'worse'} than {against}."


def _table(best: Trial, *, baseline: Trial | None) -> str:
    columns = [("best", best.settings)] + ([("baseline", baseline.settings)] if baseline is not None else [])
    names = sorted({name for _, settings in columns for name in settings})
    head = " | ".join(["setting", *(title for title, _ in columns)])
    rows = [" | ".join([f"`{name}`", *(_cell(settings, name=name) for _, settings in columns)]) for name in names]
    return "\n".join(f"| {row} |" for row in [head, " | ".join(["---"] * (len(columns) + 1)), *rows])


def _cell(settings: Mapping[str, Setting], *, name: str) -> str:
    return _short(settings[name]) if name in settings else ""


def _counts(sweep: Sweep, *, standing: Standing) -> str:
    counts = ", ".join(f"{count} {state.value.lower()}" for state, count in sorted(standing.counts.items()) if count)
    if sweep.state not in FINAL_SWEEP_STATES:
        return f"{sweep.budget_trials} trials in the budget."
    return f"{sweep.budget_trials} trials in the budget: {counts or 'none was begun'}."


def _short(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
