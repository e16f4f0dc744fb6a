"""What is measured of a service under load: its own processes' time and memory, and what its clients saw."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.simulated_workers import Fleet, Request

MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """One look. `at`: monotonic seconds; the seconds of processors are since the beginning of each process."""

    at: float
    api_seconds: float
    fleet_seconds: float
    api_mib: float
    num_in_hand: int


@dataclass(frozen=True)
class Window:
    """A span of time in figures: answered requests per second, how long workers waited for answers, and who worked.

    `ms_per_request` is processor time of the API; `api_cores`, `fleet_cores` are shares of one processor.
    """

    seconds: float
    requests_per_second: float
    reports_per_second: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    api_cores: float
    fleet_cores: float
    ms_per_request: float


def api_process(port: int) -> psutil.Process:
    """The API that listens there, among the processes that this one started."""
    every = [one for one in psutil.Process().children(recursive=True) if one.cmdline()[1:] == ["-m", "service.app"]]
    return next(one for one in every if port in {place.laddr.port for place in one.net_connections() if place.laddr})


def look(api: psutil.Process, *, fleet: Fleet) -> Sample:
    """How it is now. Raises what a simulated worker failed with."""
    fleet.check()
    spent = api.cpu_times()
    return Sample(
        at=time.monotonic(),
        api_seconds=spent.user + spent.system,
        fleet_seconds=fleet.cpu_seconds,
        api_mib=api.memory_info().rss / MIB,
        num_in_hand=fleet.num_in_hand,
    )


def window(log: Iterable[Request], *, begun: Sample, ended: Sample) -> Window:
    """What lay between two looks. Long polls are requests too, but nobody waits for their answers."""
    within = [one for one in log if begun.at < one.at <= ended.at]
    waited = sorted(one.seconds for one in within if one.kind != "wait") or [0.0]
    seconds = ended.at - begun.at
    api_seconds = ended.api_seconds - begun.api_seconds
    return Window(
        seconds=seconds,
        requests_per_second=len(within) / seconds,
        reports_per_second=sum(one.num_reports for one in within) / seconds,
        p50_ms=1000 * _quantile(waited, 0.5),
        p99_ms=1000 * _quantile(waited, 0.99),
        slowest_ms=1000 * waited[-1],
        api_cores=api_seconds / seconds,
        fleet_cores=(ended.fleet_seconds - begun.fleet_seconds) / seconds,
        ms_per_request=1000 * api_seconds / max(1, len(within)),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
