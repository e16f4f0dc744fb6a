"""Which workers there are on Ray, which ones are missing, and what became of the others. Decides; does nothing."""

import secrets
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from service.executors.contract import Gone
from service.executors.ray_client import RayJob
from service.protocol import LEASE_SECONDS

ACTIVE = ("PENDING", "RUNNING")
YOUNG_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 60.0
FORGOTTEN_SECONDS = 10.0
WAITING_SECONDS = 10.0
NEVER_HEARD_SECONDS = 660.0  # a worker that finds no service has left by itself before
SIGNALLED = 128  # a shell's exit code for a command that a signal ended, less the signal


@dataclass(frozen=True)
class Witness:
    """What else is known of a worker.

    silent_seconds: how long ago it spoke; None when it has not since the service began. has_lease: whether the tables
    have it among the living.
    """

    silent_seconds: Callable[[str], float | None]
    has_lease: Callable[[str], bool]


@dataclass
class RayPlace:
    """Where one worker belongs. One that ends young is replaced 1 s later, the next 2 s, and so on.

    `known`: Ray has said that it has the job. `seen_at`: since when it runs, or was believed in. Times are monotonic.
    """

    worker: str | None = None
    known: bool = False
    seen_at: float | None = None
    missing_since: float | None = None
    start_at: float = 0.0
    pause_seconds: float = 0.0

    def take(self, worker: str, *, known: bool, seen_at: float | None) -> None:
        """Gets a worker."""
        self.worker, self.known, self.seen_at, self.missing_since = worker, known, seen_at, None

    def lose(self, *, now: float) -> None:
        """Its worker is gone."""
        young = self.seen_at is None or now - self.seen_at < YOUNG_SECONDS
        self.pause_seconds = min(max(1.0, 2 * self.pause_seconds), LONGEST_PAUSE_SECONDS) if young else 0.0
        self.worker, self.start_at = None, now + self.pause_seconds


class RayRoster:
    """The workers that are counted on. Those of `believed` were there before this service began."""

    def __init__(self, *, believed: Iterable[str], witness: Witness, now: float) -> None:
        self._witness = witness
        self._places: list[RayPlace] = []
        self._gone: list[Gone] = []
        self._unwanted: set[str] = set()  # not counted on any more: should their jobs run, they are to end
        self._ended_young: str | None = None
        self._waiting_since: float | None = None  # for room in the cluster, all of them
        self._now = now
        for worker in believed:
            self._adopt(worker, now=now)

    @property
    def workers(self) -> tuple[str, ...]:
        """The workers that are counted on."""
        return tuple(place.worker for place in self._places if place.worker is not None)

    def is_heard(self) -> bool:
        """Whether any of them spoke."""
        return any(self._witness.silent_seconds(worker) is not None for worker in self.workers)

    @property
    def trouble(self) -> str | None:
        """Why none speaks: they wait for room, or how the last one ended that ended young."""
        if self.is_heard():
            return None
        if self._waiting_since is not None and self._now - self._waiting_since > WAITING_SECONDS:
            return "No node of the Ray cluster has room for a worker now; their jobs wait."
        return self._ended_young

    def compare(self, jobs: Mapping[str, RayJob], *, now: float) -> None:
        """Takes in what Ray says of our jobs, by id."""
        for place in self._places:
            if place.worker is not None:
                self._judge(place, worker=place.worker, job=jobs.get(place.worker), now=now)
        states = {jobs[worker].status for worker in self.workers if worker in jobs}
        self._waiting_since = (self._waiting_since or now) if states == {"PENDING"} else None
        self._now = now

    def unheard(self, jobs: Mapping[str, RayJob]) -> list[str]:
        """Who may be there, and has not spoken: the jobs that are under way."""
        running = [worker for worker, job in jobs.items() if job.status in ACTIVE]
        return [worker for worker in running if self._witness.silent_seconds(worker) is None]

    def settle(self, jobs: Mapping[str, RayJob], *, now: float) -> None:
        """Counts on jobs of an earlier service whose workers spoke; the others that nobody believes in are to end."""
        for worker in [one for one, job in jobs.items() if job.status in ACTIVE and one not in self.workers]:
            if self._witness.silent_seconds(worker) is None:
                self._unwanted.add(worker)
            else:
                self._adopt(worker, now=now)

    def to_stop(self, jobs: Mapping[str, RayJob]) -> list[str]:
        """The jobs that are under way and not wanted."""
        return [worker for worker, job in jobs.items() if job.status in ACTIVE and worker in self._unwanted]

    def to_submit(self, num_wanted: int, *, now: float) -> Iterator[str]:
        """Workers to be started, and those again of which it is not known whether they were."""
        num_busy = sum(place.worker is not None or place.start_at > now for place in self._places)
        free = [place for place in self._places if place.worker is None and place.start_at <= now]
        for number in range(max(0, num_wanted - num_busy)):
            if number == len(free):
                free.append(RayPlace())
                self._places.append(free[-1])
            free[number].take(f"ray-{secrets.token_hex(6)}", known=False, seen_at=None)
        for place in self._places:
            if place.worker is not None and not place.known:
                yield place.worker
                place.known = True  # whoever could not submit it never comes here

    def take_gone(self) -> list[Gone]:
        """Who was seen to be gone since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def _adopt(self, worker: str, *, now: float) -> None:
        self._places.append(RayPlace())
        self._places[-1].take(worker, known=True, seen_at=now)

    def _judge(self, place: RayPlace, *, worker: str, job: RayJob | None, now: float) -> None:
        if job is None:
            self._miss(place, worker=worker, now=now)
            return
        place.known, place.missing_since = True, None
        if job.status not in ACTIVE:
            self._lose(place, worker=worker, how=how_of(job), now=now)
        elif job.status == "RUNNING":
            place.seen_at = now if place.seen_at is None else place.seen_at
            self._listen(place, worker=worker, now=now)

    def _miss(self, place: RayPlace, *, worker: str, now: float) -> None:
        """Ray knows nothing of it: it may have come back empty, or be wrong."""
        if not place.known:
            return
        place.missing_since = now if place.missing_since is None else place.missing_since
        silent = self._witness.silent_seconds(worker)
        missing = now - place.missing_since
        if missing > FORGOTTEN_SECONDS and (silent is None or silent > FORGOTTEN_SECONDS):
            self._lose(place, worker=worker, how="Ray does not know its job any more", now=now)

    def _listen(self, place: RayPlace, *, worker: str, now: float) -> None:
        """Ray says that it runs; a worker that lost its lease all the same is not counted on."""
        assert place.seen_at is not None
        heard = self._witness.silent_seconds(worker)
        silent, patience = (now - place.seen_at, NEVER_HEARD_SECONDS) if heard is None else (heard, LEASE_SECONDS)
        if silent > patience and not self._witness.has_lease(worker):
            how = f"not heard of for {silent:.0f} s, though Ray says that it runs"
            self._lose(place, worker=worker, how=how, now=now)

    def _lose(self, place: RayPlace, *, worker: str, how: str, now: float) -> None:
        place.lose(now=now)
        self._unwanted.add(worker)
        self._ended_young = f"The worker {worker} on Ray ended soon: {how}." if place.pause_seconds else None
        self._gone.append(Gone(worker, how=how))


def how_of(job: RayJob) -> str:
    """How a job ended, in words."""
    code = job.driver_exit_code
    if job.status == "SUCCEEDED":
        return "the worker left"
    if job.status == "STOPPED":
        return "its Ray job was stopped"
    if code is None:
        return next(iter((job.message or "").strip().splitlines()), "its Ray job failed")[:300]
    with suppress(ValueError):
        return f"the worker was killed by {signal.Signals(-code if code < 0 else code - SIGNALLED).name}"
    return f"the worker exited with code {code}"
