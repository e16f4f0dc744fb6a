"""What whole sweeps showed, as Markdown: throughput, and the cost of the service."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.table import table

_THROUGHPUT = (
    "side",
    "repeat",
    "parallel",
    "in training",
    "trials",
    "epochs",
    "from nothing, s",
    "trials/s once started",
    "marginal",
    "trials/s",
    "best value",
)

_RATIOS = {
    "marginal_rate": "marginal rate",
    "rate_once_started": "once started",
    "cold_marginal_rate": "marginal rate, first sweep",
    "cold_rate_once_started": "once started, first sweep",
    "rate_from_nothing": "from nothing",
}
_ABOUT_RATES = (
    "Time from nothing is that of the first search. Ravine's rates, its best value, and how many it had in training, "
    "are those of a second sweep in the same service, which finds all processes warm, as the peers are after their "
    "first trials; in brackets those of its first sweep, beside which MLflow's server and the workers still start."
)


def throughput(measured: Mapping[str, Any]) -> str:
    """Short trainings that are pruned: every run, and the medians."""
    return f"## Throughput\n\n{_searches(measured)}"


def long_training(measured: Sequence[Mapping[str, Any]]) -> str:
    """The same for trainings to the end."""
    return "\n\n".join(f"## No pruning: {one['form']['work']}\n\n{_searches(one)}" for one in measured)


def _searches(measured: Mapping[str, Any]) -> str:
    rows = table(_THROUGHPUT, rows=(_search(row) for row in measured["rows"]))
    ratios = table(
        ("Ravine against", *_RATIOS.values(), "best value"),
        rows=(
            (peer, *(_times(one[ratio]) for ratio in _RATIOS), _signed(one["best_value_difference"]))
            for peer, one in measured["ratios"].items()
        ),
    )
    return f"{_ABOUT_RATES}\n\n{rows}\n\nMedians over the repeats:\n\n{ratios}"


def _search(row: Mapping[str, Any]) -> tuple[object, ...]:
    is_two = row["warm_num_epochs"] is not None

    def rate(name: str) -> str:
        return f"{row[name]:.2f}" + (f" ({row[f'cold_{name}']:.2f})" if is_two else "")

    return (
        row["side"],
        row["repeat"],
        row["parallel"],
        f"{row['in_training']:.1f}",
        row["num_trials"],
        f"{row['warm_num_epochs']} ({row['num_epochs']})" if is_two else row["num_epochs"],
        f"{row['total_seconds']:.1f}",
        rate("rate_once_started"),
        f"{row['marginal_low']} to {row['marginal_high']}",
        rate("marginal_rate"),
        f"{row['warm_best_value']:.4f} ({row['best_value']:.4f})" if is_two else f"{row['best_value']:.4f}",
    )


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f} x"


def _signed(difference: float | None) -> str:
    return "-" if difference is None else f"{difference:+.4f}"


def service_cost(costs: Sequence[Mapping[str, Any]]) -> str:
    """Milliseconds a trial, by how many there are."""
    rows = (
        (cost["num_trials"], cost["num_workers"], f"{cost['seconds']:.2f}", f"{cost['ms_per_trial']:.2f}")
        for cost in costs
    )
    return "## Service cost of a trial that trains nothing\n\n" + table(
        ("trials", "workers that had any", "s", "ms a trial"), rows=rows
    )


def asking_cost(costs: Sequence[Mapping[str, Any]]) -> str:
    """Milliseconds of asks, verdicts and tells."""
    names = ("ask_ms", "slowest_ask_ms", "verdicts_ms", "tell_ms", "slowest_tell_ms")
    head = ("trials before", "TPE's ask, ms", "slowest", "20 verdicts, ms", "tell, ms", "slowest")
    rows = ((cost["num_trials"], *(f"{cost[name]:.2f}" for name in names)) for cost in costs)
    return "## Asking and judging\n\n" + table(head, rows=rows)


def first_report(measured: Mapping[str, Any]) -> str:
    """Seconds, cold and warm."""
    rows = (
        (kind, f"{measured[f'{kind}_median_seconds']:.2f}", ", ".join(f"{one:.2f}" for one in every))
        for kind, every in (("cold", measured["cold_seconds"]), ("warm", measured["warm_seconds"]))
    )
    return "## From the POST to the first epoch report\n\n" + table(("", "median, s", "each, s"), rows=rows)
