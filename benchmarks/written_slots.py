"""What many slots showed, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.table import table


def many_slots(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """The sweep that was measured, then the moments in which much comes at once, then the recorder."""
    parts = [_swept(outcomes), _quiet(outcomes)]
    if copied := [one for one in outcomes if one["swept"]["points_per_second"] is not None]:
        parts.append(_recorded(copied))
    first = outcomes[0]
    about = f"{first['num_workers']} simulated workers of one slot, trials of {first['trial_seconds']:g} s in the mean."
    told = "While all slots are taken (times as the workers saw them, processor time in cores):"
    return "\n\n".join(["## Many slots", f"{about} {told}", *parts])


_SWEPT = (
    "database, search, recorder",
    "trials",
    "s",
    "requests/s",
    "epochs/s",
    "p50, p99, ms",
    "a user's read: p50, slowest, ms",
    "API, ms a request",
    "API, cores",
    "workers, cores",
    "rows/s new",
    "changed",
    "commits/s",
    "API, MiB",
    "load before",
)


def _swept(outcomes: Sequence[Mapping[str, Any]]) -> str:
    return table(_SWEPT, rows=[_swept_by(one) for one in outcomes])


def _swept_by(one: Mapping[str, Any]) -> tuple[object, ...]:
    swept, steady = one["swept"], one["swept"]["steady"]
    return (
        _name(one),
        one["side"]["num_trials"],
        f"{swept['seconds']:.0f}",
        f"{steady['requests_per_second']:.0f}",
        f"{steady['reports_per_second']:.0f}",
        f"{steady['p50_ms']:.0f}, {steady['p99_ms']:.0f}",
        f"{swept['reads_p50_ms']:.0f}, {swept['reads_slowest_ms']:.0f}",
        f"{steady['ms_per_request']:.2f}",
        f"{steady['api_cores']:.2f}",
        f"{steady['fleet_cores']:.2f}",
        f"{swept['rows_per_second']:.0f}",
        _or_dash(one["updated_per_second"]),
        _or_dash(one["commits_per_second"]),
        f"{swept['api_mib']:.0f}",
        f"{one['load']:.1f}",
    )


def _quiet(outcomes: Sequence[Mapping[str, Any]]) -> str:
    head = (
        "database, search, recorder",
        "all say hello, s",
        "all idle, requests/s",
        "API, cores",
        "a sweep comes: all have a trial, s",
        "heartbeats/s",
        "p99, ms",
        "API, cores",
        "cancel: nothing in hand, s",
    )
    rows = []
    for one in outcomes:
        quiet = one["quiet"]
        rows.append(
            (
                _name(one),
                f"{one['hello_seconds']:.1f}",
                f"{quiet['idle']['requests_per_second']:.0f}",
                f"{quiet['idle']['api_cores']:.2f}",
                f"{quiet['herd_seconds']:.1f}",
                f"{quiet['heartbeats']['requests_per_second']:.0f}",
                f"{quiet['heartbeats']['p99_ms']:.0f}",
                f"{quiet['heartbeats']['api_cores']:.2f}",
                f"{quiet['cancel_seconds']:.1f}",
            )
        )
    return table(head, rows=rows)


def _recorded(outcomes: Sequence[Mapping[str, Any]]) -> str:
    head = ("database, search, recorder", "points/s into MLflow", "events behind when the sweep ended", "of events")
    rows = (
        (
            _name(one),
            f"{one['swept']['points_per_second']:.0f}",
            one["swept"]["backlog_events"],
            one["swept"]["num_events"],
        )
        for one in outcomes
    )
    return table(head, rows=rows)


def _name(one: Mapping[str, Any]) -> str:
    return ", ".join(one["side"][part] for part in ("database", "search", "recorder"))


def _or_dash(number: float | None) -> str:
    return "-" if number is None else f"{number:.0f}"
