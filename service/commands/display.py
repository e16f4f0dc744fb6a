"""Sweeps and trials as a person reads them in a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service.schemas import BestAnswer, EngineAnswer, SweepAnswer, TrialAnswer
from sweeps.states import FINAL_TRIAL_STATES, TrialState
from trainer.settings import Setting

NUM_TOP_TRIALS = 12
STYLES = {
    TrialState.COMPLETED: "green",
    TrialState.RUNNING: "cyan",
    TrialState.FAILED: "red",
    TrialState.DIVERGED: "yellow",
}


def number(value: float | None) -> str:
    """A value as text of few digits; a dash where there is none."""
    return "-" if value is None else f"{value:.5g}"


def settings_text(settings: dict[str, Setting]) -> str:
    """Settings in one line."""
    return "  ".join(f"{name}={_setting(value)}" for name, value in settings.items())


def counts_text(sweep: SweepAnswer) -> str:
    """How many trials are in which state, in one line."""
    return ", ".join(f"{count} {state}" for state, count in sweep.trial_counts.items() if count) or "no trials yet"


def progress_line(sweep: SweepAnswer) -> str:
    """Where the sweep is, in one line."""
    best = f"best {number(sweep.best.value)} (trial {sweep.best.number})" if sweep.best else "no best yet"
    reason = f" ({sweep.reason})" if sweep.reason else ""
    finished = f"{sweep.budget.trials_finished}/{sweep.budget.trials} trials"
    return f"{sweep.name}: {sweep.state}{reason}, {finished}, {best}, {counts_text(sweep)}"


def engine_lines(sweep: SweepAnswer) -> list[str]:
    """Which engine trains which trials of a sweep, one line for each group of which it is known."""
    return [f"Engine of {_group_text(one)}: {_engine_text(one)}" for one in sweep.engines]


def serial_lines(trials: Iterable[TrialAnswer]) -> list[str]:
    """Why these trials are serial, where they say it: one line for each reason."""
    numbers: dict[str, list[str]] = {}
    for trial in sorted(trials, key=lambda one: one.number):
        if trial.engine_reason is not None:
            numbers.setdefault(trial.engine_reason, []).append(str(trial.number))
    return [f"Serial: {', '.join(which)} ({reason})" for reason, which in numbers.items()]


def precision_lines(sweep: SweepAnswer) -> list[str]:
    """In which numbers its models compute, where that was chosen."""
    return [] if sweep.spec.precision == "float32" else [f"Precision: {sweep.spec.precision}"]


def sweeps_table(sweeps: Iterable[SweepAnswer]) -> Table:
    """All sweeps, one row each."""
    table = Table("id", "name", "state", "trials", "best", "trial", box=None, header_style="bold")
    for sweep in sweeps:
        best = sweep.best
        finished = f"{sweep.budget.trials_finished}/{sweep.budget.trials}"
        trial = str(best.number) if best else "-"
        table.add_row(sweep.id, sweep.name, sweep.state, finished, number(best.value if best else None), trial)
    return table


def top_trials(trials: Iterable[TrialAnswer], *, maximize: bool) -> list[TrialAnswer]:
    """What is worth a look: the running trials, then the finished ones from the best on; of a tie the earlier."""
    order = -1.0 if maximize else 1.0

    def rank(trial: TrialAnswer) -> tuple[bool, bool, bool, float, int]:
        value = trial.value
        completed = trial.state is TrialState.COMPLETED
        return trial.state in FINAL_TRIAL_STATES, not completed, value is None, order * (value or 0.0), trial.number

    seen = [trial for trial in trials if trial.state is not TrialState.WAITING]
    return sorted(seen, key=rank)[:NUM_TOP_TRIALS]


def trials_table(trials: Sequence[TrialAnswer], *, metric: str) -> Table:
    """Trials, one row each, with a column for each setting that one of them has."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    table = Table("trial", "state", metric, "epochs", *names, box=None, header_style="bold")
    for trial in trials:
        cells = [_setting(trial.settings[name]) if name in trial.settings else "" for name in names]
        state = Text(trial.state, style=STYLES.get(trial.state, "dim"))
        table.add_row(str(trial.number), state, number(trial.value), str(trial.num_epochs), *cells)
    return table


def board(sweep: SweepAnswer, *, trials: Iterable[TrialAnswer]) -> RenderableType:
    """The live picture of a sweep: a progress bar and its top trials."""
    metric = sweep.spec.goal_metric
    bar = Padding(
        ProgressBar(total=sweep.budget.trials, completed=sweep.budget.trials_finished, width=60), (0, 0, 1, 0)
    )
    top = top_trials(trials, maximize=metric.goal == "maximize")
    return Group(Text(progress_line(sweep)), bar, trials_table(top, metric=metric.name))


def answer_lines(best: BestAnswer, *, sweep: SweepAnswer) -> list[str]:
    """What the sweep found out, line by line."""
    metric = sweep.spec.goal_metric.name
    lines = [
        f"Best {metric}: {number(best.value)} (trial {best.trial})",
        f"Settings: {settings_text(best.settings)}",
    ]
    if best.baseline is not None and best.difference is not None:
        baseline = f"Baseline: {number(best.baseline.value)} (trial {best.baseline.trial})"
        lines.append(f"{baseline}; the best is {best.difference:+.5g} away from it")
    return lines + [f"Warning: {warning}" for warning in best.warnings]


def _group_text(one: EngineAnswer) -> str:
    model = "" if one.model is None else f", {one.model.kind}"
    return f"batch_size {one.batch_size}, {one.optimizer}{model}"


def _engine_text(one: EngineAnswer) -> str:
    gain = "" if one.gain is None else f", {one.gain:.1f} times as fast stacked"
    if one.engine == "fused":
        return f"fused, {one.width} at a time{gain}" + (f" ({one.reason})" if one.reason else "")
    return f"serial ({one.reason})" if one.reason else f"serial{gain}"


def _setting(value: Setting) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
