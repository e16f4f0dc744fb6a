"""Copies from the tables to MLflow: each run once, each point once, whatever dies in between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from service.database import Database
from service.recorder_backlog import Backlog, Deletion, Key
from service.recorder_content import SPEC_FILE, Origin, RunContent, RunStatus, spec_text
from service.recorder_jobs import Job, read_jobs
from service.recorder_mlflow import ArtifactsAway, Mlflow, RunMissing, RunRefused
from service.records import MlflowRun
from service.stores import events, runs, sweeps
from service.stores.runs import PARENT

DEFAULT_EXPERIMENT = "ravine"
EVENTS_AT_ONCE = 1000
RUNS_AT_ONCE = 100
ARTIFACT_RETRY_SECONDS = 30.0

log = structlog.get_logger("recorder")


@dataclass(frozen=True)
class _Sent:
    """What this process knows MLflow to hold of a run."""

    status: RunStatus
    tags: dict[str, str]
    has_params: bool
    last_epoch: int


class Copier:
    """Follows the event table. What it remembers between steps may be lost at any time: it is then sent again."""

    def __init__(self, database: Database, *, mlflow: Mlflow, origin: Origin) -> None:
        self._database = database
        self._mlflow = mlflow
        self._origin = origin
        with database.read() as connection:
            self._place = runs.place(connection)
        self._backlog = Backlog(place=self._place)
        self._sent: dict[Key, _Sent] = {}
        self._specs: dict[str, tuple[str, str]] = {}  # by sweep: the run that lacks its spec, and the spec
        self._next_spec_at = 0.0

    def send_unfinished_again(self) -> None:
        """All runs of unfinished sweeps go out again, but for those of which MLflow holds the end.

        Our own MLflow may have lost its latest writes with the machine's power. It never loses one without those
        that came after it: a run that has ended there is whole.
        """
        with self._database.read() as connection:
            unfinished = [(sweep.id, runs.of_sweep(connection, sweep.id)) for sweep in sweeps.unfinished(connection)]
        for sweep_id, stored in unfinished:
            ended: set[str] = set()
            for experiment_id in _experiments(stored.values()):
                ended |= self._mlflow.ended_runs(experiment_id, sweep_id=sweep_id)
            for number, run in stored.items():
                if run.run_id not in ended:
                    self._backlog.again((sweep_id, number))

    def step(self, *, now: float, hurry: bool = False) -> bool:
        """Copies what is due and says whether more is due at once. `now`: monotonic seconds. Repeat it after a failure.

        `hurry`: also what was copied a moment ago.
        """
        with self._database.read() as connection:
            new = events.after(connection, self._backlog.read_to, limit=EVENTS_AT_ONCE)
            self._backlog.add(new)
            due = self._backlog.due(now=now, limit=RUNS_AT_ONCE, hurry=hurry)
            sent = {key: self._sent[key].last_epoch for key in due if key in self._sent}
            jobs = read_jobs(connection, due=due, epochs_sent=sent, origin=self._origin)
        missing = self._copy(jobs)
        for key in due.keys() - missing:
            self._backlog.copied(key, now=now)
        for sweep_id, deletion in list(self._backlog.deletions.items()):
            self._delete(sweep_id, deletion=deletion)
        self._put_specs(now=now)
        self._move()
        return bool(missing) or len(new) == EVENTS_AT_ONCE or len(due) == RUNS_AT_ONCE

    def _copy(self, jobs: Sequence[Job]) -> set[Key]:
        """Copies the jobs, the parents last: their end is the end. Gives the keys that are to be copied again."""
        made = self._make_runs(jobs)
        missing: set[Key] = set()
        for job in sorted(jobs, key=lambda job: job.key[1] == PARENT):
            try:
                self._send(job.key, content=job.content, last_epoch=job.last_epoch, run_id=made[job.key])
            except RunRefused as error:
                log.error("mlflow.refused", run=job.content.key, reason=str(error))
            except RunMissing:
                log.warning("mlflow.run_missing", run=job.content.key)
                self._forget_runs(job.key[0])
                missing.add(job.key)
                continue
            if job.key[1] == PARENT and job.content.status != "RUNNING":
                self._mlflow.make_durable()
        return missing

    def _make_runs(self, jobs: Sequence[Job]) -> dict[Key, str]:
        """The run ids of the jobs; a run that is not there is made: first the intent, then the run, then its id."""
        stored = self._stored(jobs)
        fresh = [MlflowRun(*job.key, self._experiment(job, stored=stored), None) for job in jobs if job.key not in stored]
        if fresh:
            self._store(fresh)
        made: list[MlflowRun] = []
        for job in jobs:
            known = stored.get(job.key)
            if known is None or known.run_id is None:
                ...
        return {}
