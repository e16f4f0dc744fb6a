"""Ravine beside its peers: how many trials a second, from nothing and once it runs, and at which best value."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sides import Side, SideRun, optuna_search, ravine_search, ray_search

RAVINE = "ravine"


@dataclass(frozen=True)
class Form:
    """How much is measured: trials and the trial after which the marginal rate begins, for Ray Tune fewer."""

    num_trials: int
    marginal_low: int
    num_ray_trials: int
    ray_marginal_low: int
    num_repeats: int


FULL = Form(num_trials=300, marginal_low=60, num_ray_trials=60, ray_marginal_low=20, num_repeats=3)
QUICK = Form(num_trials=40, marginal_low=10, num_ray_trials=8, ray_marginal_low=3, num_repeats=1)


@dataclass(frozen=True)
class Row:
    """One search of one side, in figures. Rates are trials per second, times seconds."""

    side: str
    repeat: int
    seed: int
    parallel: int
    num_trials: int
    num_epochs: int
    total_seconds: float
    marginal_low: int
    marginal_high: int
    marginal_rate: float
    best_value: float


def sides(form: Form, *, ray_python: Path | None) -> list[Side]:
    """All sides; without a Python that has Ray, Ray Tune is left out."""
    full = {"num_trials": form.num_trials, "marginal_low": form.marginal_low}
    few = {"num_trials": form.num_ray_trials, "marginal_low": form.ray_marginal_low}
    ours = [
        Side(RAVINE, ravine_search, **full),
        Side("optuna", optuna_search(), **full),
        Side("optuna, one log_batch", optuna_search("--one-batch"), **full),
    ]
    if ray_python is None:
        return ours
    rays = [
        Side("ray tune", ray_search(ray_python), **few),
        Side("ray tune, reuse_actors", ray_search(ray_python, "--reuse-actors"), **few),
    ]
    return ours + rays


def measure(form: Form, *, ray_python: Path | None, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All sides in turn, `num_repeats` times, every second time in the opposite order; the result is JSON-able."""
    every = sides(form, ray_python=ray_python)
    rows: list[Row] = []
    for repeat in range(form.num_repeats):
        for side in every if repeat % 2 == 0 else reversed(every):
            row = _row(side, run=side.run(seed + repeat), repeat=repeat, seed=seed + repeat)
            say(f"{row.side}: {row.marginal_rate:.2f} trials/s, {row.total_seconds:.1f} s, best {row.best_value:.4f}")
            rows.append(row)
    return {
        "form": asdict(form),
        "rows": [asdict(row) for row in rows],
        "ratios": {side.name: _ratios(rows, peer=side.name) for side in every if side.name != RAVINE},
    }


def _row(side: Side, *, run: SideRun, repeat: int, seed: int) -> Row:
    return Row(
        side=side.name,
        repeat=repeat,
        seed=seed,
        parallel=side.parallel,
        num_trials=run.num_trials,
        num_epochs=run.num_epochs,
        total_seconds=run.total_seconds,
        marginal_low=side.marginal_low,
        marginal_high=side.num_trials,
        marginal_rate=run.marginal(low=side.marginal_low, high=side.num_trials),
        best_value=run.best_value,
    )


def _ratios(rows: Sequence[Row], *, peer: str) -> dict[str, float | None]:
    """Ravine against a peer: the medians over the repeats of the ratio within a repeat.

    The rate from nothing is compared only where both made as many trials: a start weighs more on fewer.
    """
    ravine = {row.repeat: row for row in rows if row.side == RAVINE}
    pairs = [(ravine[row.repeat], row) for row in rows if row.side == peer]
    as_many = all(one.marginal_high == other.marginal_high for one, other in pairs)
    return {
        "marginal_rate": median(one.marginal_rate / other.marginal_rate for one, other in pairs),
        "rate_from_nothing": median(_rate(one) / _rate(other) for one, other in pairs) if as_many else None,
        "best_value_difference": median(one.best_value - other.best_value for one, other in pairs),
    }


def _rate(row: Row) -> float:
    return row.num_trials / row.total_seconds
