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
from service.recorder.content import Origin, RunStatus
from service.recorder.delivery import Delivery
from service.recorder.errands import Errand, Errands
from service.recorder.jobs import Job, read_jobs
from service.recorder.mlflow_client import Fault, Mlflow
from service.recorder.mlflow_errors import RunMissing
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
        self._runs = Runs(database, mlflow=mlflow)
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
        incomplete: set[str] = set()
        parents = [job for job in jobs if job.key[1] == PARENT]
        for some in ([job for job in jobs if job.key[1] != PARENT], parents):
            by_run = {ready[job.key].run_id: job for job in some}
            arrives = partial(self._arrives, by_run, ready=ready, incomplete=incomplete)
            self._mlflow.send_all([self._delivery(job, run=ready[job.key]) for job in some], arrived=arrives)
        return {key for sweep_id in incomplete for key in self._send_again(sweep_id)}

    def _arrives(
        self,
        by_run: Mapping[str, Job],
        delivery: Delivery,
        fault: Fault | None,
        *,
        ready: Mapping[Key, Ready],
        incomplete: set[str],
    ) -> None:
        """A delivery is done with; where MLflow has lost its run the sweep is `incomplete`."""
        job = by_run[delivery.run_id]
        if fault is None:
            self._note(job, run=ready[job.key])
        elif isinstance(fault, RunMissing):
            log.warning("mlflow.run_lost", run=job.content.key)
            incomplete.add(job.sweep.id)
        else:
            log.error("mlflow.refused", run=job.content.key, reason=str(fault))

    def _delivery(self, job: Job, *, run: Ready) -> Delivery:
        """What MLflow does not hold yet, for all that this process knows."""
        content, known = job.content, self._known(job, run=run)
        before_tags, before_params = ({}, {}) if known is None else (known.tags, known.params)
        is_changed = known is None or known.status != content.status
        return Delivery(
            run.run_id,
            points=content.points,
            params={name: value for name, value in content.params.items() if name not in before_params},
            tags={key: value for key, value in content.tags.items() if before_tags.get(key) != value},
            status=content.status if is_changed else None,
            ended_ms=content.ended_ms if is_changed else None,
            data=job.data if run.is_new or known is None else None,
        )

    def _known(self, job: Job, *, run: Ready) -> _Sent | None:
        return _Sent("RUNNING", job.content.tags, params={}, last_epoch=0) if run.is_new else self._sent.get(job.key)

    def _note(self, job: Job, *, run: Ready) -> None:
        """All of a job is there."""
        content = job.content
        taken_on = self._take_on(job, run=run, known=self._known(job, run=run))
        self._sent[job.key] = _Sent(content.status, content.tags, content.params, job.last_epoch, taken_on)
        if job.key[1] == PARENT and content.ended_ms is not None:
            self._runs.weed(job.sweep.id)
            self._mlflow.make_durable()

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
