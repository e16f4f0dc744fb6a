"""One run with many slots: idle workers, a sweep that comes and goes, then the sweep that is measured and checked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil

from benchmarks.noop_child import metrics
from benchmarks.service_cost import noop_spec
from benchmarks.simulated_workers import Fleet
from benchmarks.watched import Sample, Window, look, window
from benchmarks.workload import METRIC, NUM_EPOCHS
from service.client import Client
from service.database.database import Database
from service.schemas import SweepAnswer
from service.stores import attempts, epochs, events, trials
from sweeps.states import FINAL_SWEEP_STATES, SweepState

POLL_SECONDS = 0.5
SOON_SECONDS = 0.02
SETTLE_SECONDS = 2.0
DEADLINE_SECONDS = 3600.0
STEADY_SHARE = 0.97  # of the slots taken: the sweep runs at its full width
POINTS_PER_EPOCH = len(metrics({"learning_rate": 0.1, "momentum": 0.0}, epoch=1))


@dataclass(frozen=True)
class Quiet:
    """Workers with little to say. Times in seconds.

    herd: from the POST of a sweep to the moment at which every idle worker had a trial. heartbeats: all train and none
    reports. cancel: from the POST of :cancel to the moment at which no worker had anything in hand.
    """

    idle: Window
    herd_seconds: float
    heartbeats: Window
    cancel_seconds: float


@dataclass(frozen=True)
class Swept:
    """The measured sweep. `steady` is the time in which all slots were taken; reads: GET of the sweep, on and on.

    rows: of trials, attempts, epochs and events. backlog_events, points_per_second: of the recorder, when the sweep
    ended and until it had copied all; None without one.
    """

    num_epochs: int
    num_attempts: int
    num_events: int
    seconds: float
    steady: Window
    reads_p50_ms: float
    reads_slowest_ms: float
    rows_per_second: float
    api_mib: float
    backlog_events: int | None
    points_per_second: float | None


class Run:
    """A fleet of workers at a service."""

    def __init__(self, client: Client, *, api: psutil.Process, fleet: Fleet, num_workers: int) -> None:
        self._client = client
        self._api = api
        self._fleet = fleet
        self._num_workers = num_workers

    def quiet(self, *, idle_seconds: float, heartbeat_seconds: float, seed: int) -> Quiet:
        """Nothing to do; then one epoch for everybody that lasts as long as a trial, cancelled in its middle."""
        time.sleep(SETTLE_SECONDS)  # the first requests of all come at once
        idle = self._watch(idle_seconds)
        spec = noop_spec(num_trials=10 * self._num_workers, seed=seed)
        spec["budget"]["epochs"] = 1
        began_at = time.monotonic()
        sweep_id = self._client.create_sweep(spec).id
        herd_seconds = self._until(lambda: self._fleet.num_in_hand >= self._num_workers) - began_at
        heartbeats = self._watch(heartbeat_seconds)
        began_at = time.monotonic()
        self._client.cancel(sweep_id)
        cancel_seconds = self._until(lambda: self._fleet.num_in_hand == 0) - began_at
        self._client.wait(sweep_id)
        return Quiet(idle, herd_seconds, heartbeats, cancel_seconds)

    def sweep(self, spec: Mapping[str, Any], *, url: str, has_recorder: bool) -> Swept:
        """Runs a sweep to its end, and checks what stands in the database at `url` afterwards."""
        began_at = time.monotonic()
        sweep_id = self._client.create_sweep(spec).id
        looks, reads, ended = self._follow(sweep_id)
        seconds = looks[-1].at - began_at
        if ended.state is not SweepState.COMPLETED or self._fleet.num_refused:
            raise RuntimeError(f"{ended.state}, {ended.reason}; {self._fleet.num_refused} leases were lost")
        num_epochs, num_attempts, num_events = _checked(url, sweep_id, num_trials=spec["budget"]["trials"])
        copied_seconds = self._copied(sweep_id) - began_at if has_recorder else None
        full = [one for one in looks if one.num_in_hand >= STEADY_SHARE * self._num_workers]
        return Swept(
            num_epochs=num_epochs,
            num_attempts=num_attempts,
            num_events=num_events,
            seconds=seconds,
            steady=window(self._fleet.log, begun=full[0], ended=full[-1]),
            reads_p50_ms=1000 * median(reads),
            reads_slowest_ms=1000 * max(reads),
            rows_per_second=(num_epochs + num_attempts + num_events + spec["budget"]["trials"]) / seconds,
            api_mib=looks[-1].api_mib,
            backlog_events=ended.mlflow.pending if has_recorder else None,
            points_per_second=POINTS_PER_EPOCH * num_epochs / copied_seconds if copied_seconds else None,
        )

    def _watch(self, seconds: float) -> Window:
        begun = look(self._api, fleet=self._fleet)
        time.sleep(seconds)
        return window(self._fleet.log, begun=begun, ended=look(self._api, fleet=self._fleet))

    def _until(self, holds: Callable[[], bool]) -> float:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            self._fleet.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._fleet.num_in_hand} attempts are in hand")
            time.sleep(SOON_SECONDS)
        return time.monotonic()

    def _follow(self, sweep_id: str) -> tuple[list[Sample], list[float], SweepAnswer]:
        """Looks until the end of the sweep, the seconds of each read of it, and the last one."""
        looks: list[Sample] = []
        reads: list[float] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            began_at = time.monotonic()
            sweep = self._client.sweep(sweep_id)
            reads.append(time.monotonic() - began_at)
            looks.append(look(self._api, fleet=self._fleet))
            if sweep.state in FINAL_SWEEP_STATES:
                return looks, reads, sweep
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"the sweep did not end within {DEADLINE_SECONDS:.0f} s")

    def _copied(self, sweep_id: str) -> float:
        while self._client.sweep(sweep_id).mlflow.pending:
            self._fleet.check()
            time.sleep(POLL_SECONDS)
        return time.monotonic()


def _checked(url: str, sweep_id: str, *, num_trials: int) -> tuple[int, int, int]:
    """How many epochs, attempts and events. Raises RuntimeError when any was lost, doubled or redone."""
    database = Database(url)
    with database.read() as connection:
        every = trials.page(connection, sweep_id)
        values = epochs.metric_values(connection, sweep_id, metric=METRIC)
        tries = attempts.of_trials(connection, sweep_id, numbers=range(num_trials))
        num_events = events.count_after(connection, 0, sweep_id=sweep_id)
    database.close()
    begun = [one for one in tries if one.started]
    wrong = [one.number for one in every if sorted(values[one.number]) != list(range(1, one.num_epochs + 1))]
    wrong += [one.number for one in every if one.state == "COMPLETED" and one.num_epochs != NUM_EPOCHS]
    if len(every) != num_trials or wrong or any(one.attempts != 1 for one in every):
        raise RuntimeError(f"{len(every)} of {num_trials} trials; not as they should be: {wrong[:10]}")
    if len(begun) != num_trials or {one.state for one in every} - {"COMPLETED", "PRUNED"}:
        raise RuntimeError(f"{len(begun)} attempts at {num_trials} trials, { ({one.state for one in every}) }")
    return sum(len(its) for its in values.values()), len(tries), num_events
