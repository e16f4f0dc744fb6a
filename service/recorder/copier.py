"""Copies from the tables to MLflow: each run once, each point once, whatever dies in between."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from service.database import Database
from service.recorder.backlog import Backlog, Key
from service.recorder.content import SPEC_FILE, Origin, RunContent, RunStatus, spec_text
from service.recorder.jobs import Job, read_jobs
from service.recorder.mlflow_client import ArtifactsAway, Mlflow, RunMissing, RunRefused
from service.recorder.runs import Ready, Runs
from service.stores import events, runs, sweeps
from service.stores.runs import PARENT

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
        self._runs = Runs(database, mlflow=mlflow)
        with database.read() as connection:
            self._place = runs.place(connection)
        self._backlog = Backlog(place=self._place)
        self._sent: dict[Key, _Sent] = {}
        self._specs: dict[str, tuple[str, str]] = {}  # by sweep: the run that still lacks its spec, and the spec
        self._next_spec_at = 0.0

    def send_unfinished_again(self) -> None:
        """All runs of unfinished sweeps go out again, but for those of which MLflow holds the end.

        Our own MLflow may have lost its latest writes with the machine's power. It never loses one without those
        that came after it: a run that has ended there is whole.
        """
        with self._database.read() as connection:
            unfinished = [sweep.id for sweep in sweeps.unfinished(connection)]
        for sweep_id in unfinished:
            stored = self._runs.of_sweep(sweep_id)
            ended: set[str] = set()
            for experiment_id in {run.experiment_id for run in stored if run.experiment_id is not None}:
                ended |= self._mlflow.ended_runs(experiment_id, sweep_id=sweep_id)
            for run in stored:
                if run.run_id not in ended:
                    self._backlog.again((sweep_id, run.number))

    def step(self, *, now: float, hurry: bool = False) -> bool:
        """Copies what is due and says whether more is due at once. After a failure it is simply called again.

        `now`: monotonic seconds. `hurry`: also what was copied a moment ago.
        """
        with self._database.read() as connection:
            new = events.after(connection, self._backlog.read_to, limit=EVENTS_AT_ONCE)
            self._backlog.add(new)
            due = self._backlog.due(now=now, limit=RUNS_AT_ONCE, hurry=hurry)
            sent = {key: self._sent[key].last_epoch for key in due if key in self._sent}
            jobs = read_jobs(connection, due=due, epochs_sent=sent, origin=self._origin)
        lost = self._copy(jobs)
        for key in due.keys() - lost:
            if self._backlog.copied(key, now=now):
                self._sent.pop(key, None)
        self._delete()
        self._put_specs(now=now)
        self._move()
        return bool(lost) or len(new) == EVENTS_AT_ONCE or len(due) == RUNS_AT_ONCE

    def _copy(self, jobs: Sequence[Job]) -> set[Key]:
        """Copies the jobs, parents last: their end is the end. Gives the keys that are to be copied again."""
        ready = self._runs.ready(jobs)
        incomplete: set[str] = set()
        for job in sorted(jobs, key=lambda job: job.key[1] == PARENT):
            try:
                self._send(job, run=ready[job.key])
            except RunRefused as error:
                log.error("mlflow.refused", run=job.content.key, reason=str(error))
            except RunMissing:
                log.warning("mlflow.run_lost", run=job.content.key)
                incomplete.add(job.sweep.id)
        return {key for sweep_id in incomplete for key in self._send_again(sweep_id)}

    def _send(self, job: Job, *, run: Ready) -> None:
        content, known = job.content, self._sent.get(job.key)
        if run.is_new:
            known = _Sent("RUNNING", content.tags, has_params=False, last_epoch=0)
        self._log(run.run_id, content=content, known=known)
        if content.ended_ms is not None and (known is None or known.status != content.status):
            self._mlflow.end(run.run_id, status=content.status, ended_ms=content.ended_ms)
        elif content.ended_ms is None and (known is None or known.status != "RUNNING"):
            self._mlflow.reopen(run.run_id)
        self._sent[job.key] = _Sent(content.status, content.tags, has_params=True, last_epoch=job.last_epoch)
        if job.key[1] == PARENT:
            if known is None or not known.has_params:
                self._specs[job.sweep.id] = (run.run_id, spec_text(job.sweep))
            if content.ended_ms is not None:
                self._mlflow.make_durable()

    def _log(self, run_id: str, *, content: RunContent, known: _Sent | None) -> None:
        params = {} if known is not None and known.has_params else content.params
        before = known.tags if known is not None else {}
        tags = {key: value for key, value in content.tags.items() if before.get(key) != value}
        if params or tags or content.points:
            self._mlflow.log(run_id, points=content.points, params=params, tags=tags)

    def _send_again(self, sweep_id: str) -> list[Key]:
        keys = self._runs.unmake(sweep_id)
        for key in keys:
            self._sent.pop(key, None)
            self._backlog.again(key)
        return keys

    def _delete(self) -> None:
        for sweep_id, deletion in list(self._backlog.deletions.items()):
            self._runs.delete(sweep_id, in_mlflow=deletion.with_runs)
            self._backlog.forget(sweep_id)
            self._specs.pop(sweep_id, None)
            for key in [key for key in self._sent if key[0] == sweep_id]:
                del self._sent[key]

    def _put_specs(self, *, now: float) -> None:
        """The specs that no parent run has yet. Where artifacts go may be away on its own: metrics don't wait."""
        if now < self._next_spec_at:
            return
        for sweep_id, (run_id, text) in list(self._specs.items()):
            try:
                self._mlflow.put_text(run_id, name=SPEC_FILE, text=text)
            except ArtifactsAway as error:
                log.warning("mlflow.artifacts_away", reason=str(error))
                self._next_spec_at = now + ARTIFACT_RETRY_SECONDS
                return
            del self._specs[sweep_id]

    def _move(self) -> None:
        if self._backlog.place != self._place:
            with self._database.write() as connection:
                runs.move(connection, self._backlog.place)
            self._place = self._backlog.place
