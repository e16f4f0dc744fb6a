"""Workers as jobs of a Ray cluster."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from service.executors.contract import Gone, Outlook
from service.executors.ray_client import RayClient, RayJob, RayTrouble
from service.executors.ray_plan import RayPlan
from service.executors.ray_roster import ACTIVE, RayRoster, Witness

log = structlog.get_logger()

ADOPTION_SECONDS = 3.0
LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0
CAPACITY_SECONDS = 10.0
MOST_SUBMITS = 100  # in one round: then there is a look at what came of them
MOST_STOPS_AT_ONCE = 16
MOST_ENDED_JOBS = 100  # of ours: Ray keeps each for ever, with its last words, in every list
STOP_SECONDS = 6.0
LEAVE_SECONDS = 11.0  # for all: who waits for this process kills it after 15
LEFT_BEHIND = "Workers that are left leave by themselves when they have found no service for long."


class RayExecutor:
    """Keeps as many workers as would have work, up to a limit; they leave by themselves when they have none.

    A thread of its own talks with Ray, and nobody waits for it but `stop`. Workers of `believed` that Ray has are
    adopted, our other jobs that stay silent for ADOPTION_SECONDS are ended; before that none is started. All pauses are
    multiplied by `pace`, which is 1 but for tests.
    """

    def __init__(
        self, plan: RayPlan, *, client: RayClient, witness: Witness, believed: Iterable[str] = (), pace: float = 1.0
    ) -> None:
        self._plan, self._client, self._pace = plan, client, pace
        now = time.monotonic()
        self._roster = RayRoster(believed=believed, witness=witness, now=now)
        self._adopt_until, self._settled = now + ADOPTION_SECONDS * pace, False
        self._capacity, self._capacity_at = 0, -CAPACITY_SECONDS
        self._owes_problems = plan.tells_problems
        self._lock = threading.Lock()  # around the next three, and never around anything that takes time
        self._num_wanted = 0
        self._gone: list[Gone] = []
        self._outlook = Outlook(num_workers=plan.num_workers)
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._thread.start()

    def outlook(self) -> Outlook:
        """As many as the settings allow or else the cluster holds."""
        with self._lock:
            return self._outlook

    def ensure(self, *, num_wanted: int) -> None:
        """Says how many are wanted; the thread sees to it."""
        assert self._thread.is_alive(), "the thread that talks with Ray has ended; the log says why"
        with self._lock:
            grows, self._num_wanted = num_wanted > self._num_wanted, num_wanted
        if grows:
            self._wake.set()

    def gone(self) -> list[Gone]:
        """The workers that were seen to be gone since the last call."""
        with self._lock:
            gone, self._gone = self._gone, []
            return gone

    def stop(self) -> None:
        """Asks all its workers to write checkpoints and leave, and returns when they have or LEAVE_SECONDS are over."""
        self._ended.set()
        self._wake.set()
        self._thread.join(timeout=LEAVE_SECONDS)
        if self._thread.is_alive():
            log.warning("ray.left_behind", detail=f"Ray is slow. {LEFT_BEHIND}")

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.is_set():
            try:
                self._round(now=time.monotonic())
                pause, trouble = LOOK_SECONDS, self._roster.trouble
            except RayTrouble as error:
                pause, trouble = min(max(LOOK_SECONDS, 2 * pause), LONGEST_PAUSE_SECONDS), error.detail
            self._tell(trouble)
            self._wake.wait(pause * self._pace)
            self._wake.clear()
        self._leave()

    def _round(self, *, now: float) -> None:
        jobs = self._jobs()
        if not self._plan.num_workers and now - self._capacity_at >= CAPACITY_SECONDS * self._pace:
            self._capacity, self._capacity_at = self._plan.capacity(self._client.nodes()), now
        self._roster.compare(jobs, now=now)
        if not self._settled and now < self._adopt_until and self._roster.unheard(jobs):
            return
        if not self._settled:
            self._roster.settle(jobs, now=now)
            self._settled = True
        self._start_missing(now=now)
        for worker in self._roster.to_stop(jobs):
            self._client.stop(worker)
        self._forget_oldest(jobs)

    def _jobs(self) -> dict[str, RayJob]:
        """Our jobs, of a Ray that lets in nobody without the token; that is asked before anything else each time."""
        self._client.look()
        return {str(job.submission_id): job for job in self._client.jobs() if self._plan.owns(job)}

    def _start_missing(self, *, now: float) -> None:
        package, is_there = self._plan.package, False
        for number, worker in enumerate(self._roster.to_submit(self._num_missing(), now=now)):
            if number == MOST_SUBMITS or self._ended.is_set():
                break
            if package is not None and not is_there:
                if not self._client.has_package(package.name):
                    self._client.put_package(package.name, content=package.content)
                is_there = True
            self._client.submit(self._plan.job(worker))
            log.info("ray.submitted", worker=worker)

    def _num_missing(self) -> int:
        self._owes_problems = self._owes_problems and not self._roster.is_heard()
        with self._lock:
            wanted = max(self._num_wanted, int(self._owes_problems))
        return min(wanted, self._plan.num_workers or self._capacity)

    def _forget_oldest(self, jobs: dict[str, RayJob]) -> None:
        ended = [worker for worker, job in jobs.items() if job.status not in ACTIVE]
        for worker in sorted(ended, key=lambda one: jobs[one].end_time or 0)[:-MOST_ENDED_JOBS][:MOST_SUBMITS]:
            self._client.delete(worker)

    def _tell(self, trouble: str | None) -> None:
        num_workers = self._plan.num_workers or self._capacity
        if trouble is None and not num_workers and self._capacity_at > 0:
            trouble = "No node of the Ray cluster has room for a worker, or none is up (RAVINE_WORKER_CPUS, _GPUS)."
        with self._lock:
            before, self._outlook = self._outlook.trouble, Outlook(num_workers=num_workers, trouble=trouble)
            self._gone += self._roster.take_gone()
        if trouble != before:
            log.warning("ray.trouble", detail=trouble) if trouble else log.info("ray.well")

    def _leave(self) -> None:
        """Ends all that is ours, in bounded time."""
        deadline = time.monotonic() + STOP_SECONDS
        try:
            active = [worker for worker, job in self._jobs().items() if job.status in ACTIVE]
            with ThreadPoolExecutor(MOST_STOPS_AT_ONCE) as threads:
                list(threads.map(self._client.stop, active))
            while time.monotonic() < deadline and _num_running(self._jobs()):
                time.sleep(LOOK_SECONDS * self._pace / 5)
        except RayTrouble as trouble:
            log.warning("ray.left_behind", detail=f"{trouble.detail} {LEFT_BEHIND}")
        self._client.close()


def _num_running(jobs: dict[str, RayJob]) -> int:
    """Ray ends a job that waits for room when it has got it, and not before."""
    return sum(job.status == "RUNNING" for job in jobs.values())
