"""Copies from the tables to MLflow: each run once, each point once, whatever dies in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from service.database.database import Database
from service.recorder.artifacts import Artifact
from service.recorder.backlog import Backlog, Key
from service.recorder.champion_name import model_name
from service.recorder.champions import Champions
from service.recorder.content import Origin, RunContent, RunStatus
from service.recorder.errands import Errand, Errands
from service.recorder.jobs import Job, read_jobs
from service.recorder.lanes import Lanes
from service.recorder.mlflow_client import Mlflow
from service.recorder.mlflow_errors import RunMissing, RunRefused
from service.recorder.registry import Champion
from service.recorder.runs import Ready, Runs
from service.stores import events, runs, sweeps
from service.stores.runs import PARENT

EVENTS_AT_ONCE = 1000
RUNS_AT_ONCE = 100

log = structlog.get_logger("recorder")


@dataclass(frozen=True)
class _Sent:
    """What this process knows MLflow to hold of a run, and the errands that it took on."""

    status: RunStatus
    tags: dict[str, str]
    params: dict[str, str]
    last_epoch: int
    errands: frozenset[str] = frozenset()


class Copier:
    """Follows the event table. What it remembers between steps may be lost at any time: it is then sent again."""

    def __init__(self, database: Database, *, mlflow: Mlflow, champions: Champions, origin: Origin) -> None:
        self._database = database
        self._mlflow = mlflow
        self._champions = champions
        self._origin = origin
        self._lanes = Lanes(mlflow.num_lanes)
        self._runs = Runs(database, mlflow=mlflow, lanes=self._lanes)
        with database.read() as connection:
            self._place = runs.place(connection)
        self._backlog = Backlog(place=self._place)
        self._sent: dict[Key, _Sent] = {}
        self._errands = Errands(mlflow=mlflow, champions=champions)

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
        self._delete(now=now)
        self._errands.run(now=now)
        self._move()
        return bool(lost) or len(new) == EVENTS_AT_ONCE or len(due) == RUNS_AT_ONCE

    def _copy(self, jobs: Sequence[Job]) -> set[Key]:
        """Copies the jobs, parents last: their end is the end. Gives the keys that are to be copied again."""
        ready = self._runs.ready(jobs)
        parents = [job for job in jobs if job.key[1] == PARENT]
        arrived = {
            job.key: found
            for some in ([job for job in jobs if job.key[1] != PARENT], parents)
            for job, found in zip(some, self._lanes.each(some, act=partial(self._arrives, ready)), strict=True)
        }
        incomplete = {sweep_id for (sweep_id, _), found in arrived.items() if not found}
        return {key for sweep_id in incomplete for key in self._send_again(sweep_id)}

    def _arrives(self, ready: Mapping[Key, Ready], job: Job) -> bool:
        """Sends a job; False when MLflow has lost its run."""
        try:
            self._send(job, run=ready[job.key])
        except RunRefused as error:
            log.error("mlflow.refused", run=job.content.key, reason=str(error))
        except RunMissing:
            log.warning("mlflow.run_lost", run=job.content.key)
            return False
        return True

    def _send(self, job: Job, *, run: Ready) -> None:
        content, known = job.content, self._sent.get(job.key)
        if job.data is not None and (run.is_new or known is None):
            self._mlflow.log_data(run.run_id, data=job.data)
        if run.is_new:
            known = _Sent("RUNNING", content.tags, params={}, last_epoch=0)
        self._log(run.run_id, content=content, known=known)
        if content.ended_ms is not None and (known is None or known.status != content.status):
            self._mlflow.end(run.run_id, status=content.status, ended_ms=content.ended_ms)
        elif content.ended_ms is None and (known is None or known.status != "RUNNING"):
            self._mlflow.reopen(run.run_id)
        taken_on = self._take_on(job, run=run, known=known)
        self._sent[job.key] = _Sent(content.status, content.tags, content.params, job.last_epoch, taken_on)
        if job.key[1] == PARENT and content.ended_ms is not None:
            self._runs.weed(job.sweep.id)
            self._mlflow.make_durable()

    def _log(self, run_id: str, *, content: RunContent, known: _Sent | None) -> None:
        before_tags, before_params = (known.tags, known.params) if known is not None else ({}, {})
        params = {name: value for name, value in content.params.items() if name not in before_params}
        tags = {key: value for key, value in content.tags.items() if before_tags.get(key) != value}
        if params or tags or content.points:
            self._mlflow.log(run_id, points=content.points, params=params, tags=tags)

    def _take_on(self, job: Job, *, run: Ready, known: _Sent | None) -> frozenset[str]:
        """Takes on the errands of a run that this process has not taken on yet, and gives the names of all of them."""
        before = known.errands if known is not None else frozenset()
        wanted: list[Artifact | Champion] = [*job.artifacts]
        if (champion := _champion(job, run=run)) is not None:
            wanted.append(champion)
        errands = [Errand(job.key, run.run_id, job.first_event, what) for what in wanted]
        for errand in errands:
            if errand.name not in before:
                self._errands.add(errand)
        return before.union(errand.name for errand in errands)

    def _send_again(self, sweep_id: str) -> list[Key]:
        keys = self._runs.unmake(sweep_id)
        for key in keys:
            self._sent.pop(key, None)
            self._backlog.again(key)
        return keys

    def _delete(self, *, now: float) -> None:
        for sweep_id, deletion in list(self._backlog.deletions.items()):
            self._errands.forget(sweep_id)
            delete_models = partial(self._champions.delete, sweep_id)
            if deletion.with_runs and not self._errands.attempt("registry", act=delete_models, now=now):
                continue
            self._runs.delete(sweep_id, in_mlflow=deletion.with_runs)
            self._backlog.forget(sweep_id)
            for key in [key for key in self._sent if key[0] == sweep_id]:
                del self._sent[key]

    def _move(self) -> None:
        held = self._errands.first_event
        place = self._backlog.place if held is None else min(self._backlog.place, held - 1)
        if place != self._place:
            with self._database.write() as connection:
                runs.move(connection, place)
            self._place = place


def _champion(job: Job, *, run: Ready) -> Champion | None:
    """The winner of an ended sweep, once there is a file of it."""
    export = job.sweep.export
    if job.key[1] != PARENT or export is None or export.state != "READY" or export.file is None:
        return None
    return Champion(
        sweep_id=job.sweep.id,
        trial=export.trial,
        name=model_name(job.sweep.name),
        sha256=export.file.sha256,
        experiment_id=run.experiment_id,
        run_id=run.run_id,
    )
