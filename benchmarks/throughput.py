"""Ravine beside its peers: how many trials a second, from nothing and once it runs, and at which best value."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.bars import Bar
from benchmarks.ravine_side import ravine_search
from benchmarks.sides import Side, SideRun, optuna_search, ray_search

RAVINE, SCRIPT, ONE_BATCH, RAY, RAY_REUSING = (
    "ravine",
    "optuna",
    "optuna, one log_batch",
    "ray tune",
    "ray tune, reuse_actors",
)


@dataclass(frozen=True)
class Form:
    """How much is measured of which work: trials, and the trial after which the marginal rate begins.

    Ray Tune makes fewer, or none at all. `parallel`: trials that Ravine has in flight.
    """

    num_trials: int
    marginal_low: int
    num_repeats: int
    num_ray_trials: int = 0
    ray_marginal_low: int = 0
    work: str = "short"
    parallel: int | Literal["auto"] = "auto"


FULL = Form(num_trials=300, marginal_low=60, num_ray_trials=60, ray_marginal_low=20, num_repeats=3)
QUICK = Form(num_trials=40, marginal_low=10, num_ray_trials=8, ray_marginal_low=3, num_repeats=1)


@dataclass(frozen=True)
class Row:
    """One search of one side, in figures. Rates are trials per second, times seconds.

    `parallel` is what was asked for, `in_training` how many trained side by side in the mean. Of a side that searched
    again when it was warm, rates, `in_training` and the warm figures are those of that search, the cold rates and all
    else those of the first. Of any other side the cold rates are the same as the rates, and there are no warm figures.
    """

    side: str
    repeat: int
    seed: int
    parallel: int | Literal["auto"]
    in_training: float
    num_trials: int
    num_epochs: int
    total_seconds: float
    rate_once_started: float
    marginal_low: int
    marginal_high: int
    marginal_rate: float
    best_value: float
    warm_best_value: float | None
    warm_num_epochs: int | None
    cold_rate_once_started: float
    cold_marginal_rate: float


def sides(form: Form, *, ray_python: Path | None) -> list[Side]:
    """All sides; without a Python that has Ray, Ray Tune is left out."""
    full = partial(Side, num_trials=form.num_trials, marginal_low=form.marginal_low, work=form.work)
    few = partial(Side, num_trials=form.num_ray_trials, marginal_low=form.ray_marginal_low, work=form.work)
    ours = [
        full(RAVINE, ravine_search(form.parallel, warm_too=True), parallel=form.parallel),
        full(SCRIPT, optuna_search(form.work)),
        full(ONE_BATCH, optuna_search(form.work, "--one-batch")),
    ]
    if ray_python is None or not form.num_ray_trials:
        return ours
    rays = [few(RAY, ray_search(ray_python)), few(RAY_REUSING, ray_search(ray_python, "--reuse-actors"))]
    return ours + rays


def measure(form: Form, *, ray_python: Path | None, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Each side's runs and Ravine's rates by those of each peer; the result is JSON-able."""
    every = sides(form, ray_python=ray_python)
    return {"form": asdict(form), **compared(every, num_repeats=form.num_repeats, seed=seed, say=say)}


def compared(every: Sequence[Side], *, num_repeats: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All sides in turn, `num_repeats` times, every second time in the opposite order."""
    rows: list[Row] = []
    for repeat in range(num_repeats):
        for side in every if repeat % 2 == 0 else reversed(every):
            row = _row(side, run=side.run(seed + repeat), repeat=repeat, seed=seed + repeat)
            say(f"{row.side}: {row.marginal_rate:.2f} trials/s, {row.total_seconds:.1f} s, best {row.best_value:.4f}")
            rows.append(row)
    return {
        "rows": [asdict(row) for row in rows],
        "ratios": {side.name: _ratios(rows, peer=side.name) for side in every if side.name != RAVINE},
    }


def _row(side: Side, *, run: SideRun, repeat: int, seed: int) -> Row:
    steady = run.warm or run
    low, high = side.marginal_low, side.num_trials
    return Row(
        side=side.name,
        repeat=repeat,
        seed=seed,
        parallel=side.parallel,
        in_training=steady.in_training,
        num_trials=run.num_trials,
        num_epochs=run.num_epochs,
        total_seconds=run.total_seconds,
        rate_once_started=steady.rate_once_started,
        marginal_low=low,
        marginal_high=high,
        marginal_rate=steady.marginal(low=low, high=high),
        best_value=run.best_value,
        warm_best_value=None if run.warm is None else run.warm.best_value,
        warm_num_epochs=None if run.warm is None else run.warm.num_epochs,
        cold_rate_once_started=run.rate_once_started,
        cold_marginal_rate=run.marginal(low=low, high=high),
    )


def _ratios(rows: Sequence[Row], *, peer: str) -> dict[str, float | None]:
    """Ravine against a peer: the medians over the repeats of the ratio within a repeat.

    Rates from nothing, from the first start on, and best values are compared only where both made as many trials. Cold:
    Ravine's first sweep against the peer's only search.
    """
    ravine = {row.repeat: row for row in rows if row.side == RAVINE}
    pairs = [(ravine[row.repeat], row) for row in rows if row.side == peer]
    alike = [(one, other) for one, other in pairs if one.marginal_high == other.marginal_high]

    def times(rate: Callable[[Row], float], *, over: Sequence[tuple[Row, Row]]) -> float | None:
        return median(rate(one) / rate(other) for one, other in over) if over else None

    return {
        "marginal_rate": times(lambda row: row.marginal_rate, over=pairs),
        "cold_marginal_rate": times(lambda row: row.cold_marginal_rate, over=pairs),
        "rate_once_started": times(lambda row: row.rate_once_started, over=alike),
        "cold_rate_once_started": times(lambda row: row.cold_rate_once_started, over=alike),
        "rate_from_nothing": times(lambda row: row.num_trials / row.total_seconds, over=alike),
        "best_value_difference": median(_best(one) - _best(other) for one, other in alike) if alike else None,
    }


def _best(row: Row) -> float:
    """Of the search whose rate is quoted."""
    return row.best_value if row.warm_best_value is None else row.warm_best_value


def bars(measured: Mapping[str, Any]) -> Iterator[Bar]:
    """Beside what is asked for: marginal rates of sides that are warm, and the whole from nothing."""
    ratios = measured["ratios"]
    for peer, asked in ((SCRIPT, 4), (ONE_BATCH, 3), (RAY, 100), (RAY_REUSING, 10)):
        if peer in ratios:
            yield Bar(f"trials a second, against {peer}", asked=asked, got=ratios[peer]["marginal_rate"])
    yield Bar(
        f"from nothing to the end, {measured['form']['num_trials']} trials, against {SCRIPT}",
        asked=2,
        got=ratios[SCRIPT]["rate_from_nothing"],
    )
