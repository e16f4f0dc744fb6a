"""The results as files: JSON with everything, Markdown with what a person reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import table
from benchmarks.written_slots import many_slots


def write(folder: Path, *, results: Mapping[str, Any]) -> None:
    """Writes results.json and results.md into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(results))


def markdown(results: Mapping[str, Any]) -> str:
    """The parts that were measured, one after the other."""
    parts = [_about(results["circumstances"])]
    if "throughput" in results:
        parts.append(_throughput(results["throughput"]))
    if "service_cost" in results:
        parts.append(_service_cost(results["service_cost"]))
    if "asking_cost" in results:
        parts.append(_asking_cost(results["asking_cost"]))
    if "first_report" in results:
        parts.append(_first_report(results["first_report"]))
    if "many_slots" in results:
        parts.append(many_slots(results["many_slots"]))
    return "\n\n".join(parts) + "\n"


def _about(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"# Measured {about['at']}\n\nCommit {about['commit']}, seed {about['seed']}; {about['cpu']}, "
        f"{len(about['cores'])} cores, {about['memory_gib']} GiB; {about['system']}; "
        f"Python {about['python']}; {versions}."
    )


def _throughput(measured: Mapping[str, Any]) -> str:
    rows = table(
        ("side", "repeat", "parallel", "trials", "epochs", "from nothing, s", "marginal", "trials/s", "best value"),
        rows=(
            (
                row["side"],
                row["repeat"],
                row["parallel"],
                row["num_trials"],
                row["num_epochs"],
                f"{row['total_seconds']:.1f}",
                f"{row['marginal_low']} to {row['marginal_high']}",
                f"{row['marginal_rate']:.2f}",
                f"{row['best_value']:.4f}",
            )
            for row in measured["rows"]
        ),
    )
    ratios = table(
        ("Ravine against", "marginal rate", "trials/s from nothing", "best value"),
        rows=(
            (
                peer,
                f"{one['marginal_rate']:.2f} x",
                "-" if one["rate_from_nothing"] is None else f"{one['rate_from_nothing']:.2f} x",
                f"{one['best_value_difference']:+.4f}",
            )
            for peer, one in measured["ratios"].items()
        ),
    )
    return f"## Throughput\n\n{rows}\n\nMedians over the repeats:\n\n{ratios}"


def _service_cost(costs: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        (cost["num_trials"], cost["num_workers"], f"{cost['seconds']:.2f}", f"{cost['ms_per_trial']:.2f}")
        for cost in costs
    )
    return "## Service cost of a trial that trains nothing\n\n" + table(
        ("trials", "workers that had any", "s", "ms a trial"), rows=rows
    )


def _asking_cost(costs: Sequence[Mapping[str, Any]]) -> str:
    names = ("ask_ms", "slowest_ask_ms", "verdicts_ms", "tell_ms", "slowest_tell_ms")
    head = ("trials before", "TPE's ask, ms", "slowest", "20 verdicts, ms", "tell, ms", "slowest")
    rows = ((cost["num_trials"], *(f"{cost[name]:.2f}" for name in names)) for cost in costs)
    return "## Asking and judging\n\n" + table(head, rows=rows)


def _first_report(measured: Mapping[str, Any]) -> str:
    rows = (
        (kind, f"{measured[f'{kind}_median_seconds']:.2f}", ", ".join(f"{one:.2f}" for one in every))
        for kind, every in (("cold", measured["cold_seconds"]), ("warm", measured["warm_seconds"]))
    )
    return "## From the POST to the first epoch report\n\n" + table(("", "median, s", "each, s"), rows=rows)
