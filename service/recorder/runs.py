"""Makes the MLflow run of each sweep and trial, exactly once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from service.database import Database
from service.recorder.backlog import Key
from service.recorder.jobs import Job
from service.recorder.mlflow_client import Mlflow
from service.records import MlflowRun
from service.stores import runs
from service.stores.runs import PARENT

DEFAULT_EXPERIMENT = "ravine"


@dataclass(frozen=True)
class Ready:
    """A run that is there; `is_new`: made just now, it holds the tags of its content and nothing else."""

    experiment_id: str
    run_id: str
    is_new: bool


class Runs:
    """The intent is stored first, then the run is made, then its id is stored.

    An intent found later without an id is what a crash, or an answer that never came, left behind: the run may exist,
    and is looked for by its tag before another is made.
    """

    def __init__(self, database: Database, *, mlflow: Mlflow) -> None:
        self._database = database
        self._mlflow = mlflow

    def of_sweep(self, sweep_id: str) -> list[MlflowRun]:
        """What is stored of a sweep's runs."""
        with self._database.read() as connection:
            return list(runs.of_sweep(connection, sweep_id).values())

    def ready(self, jobs: Sequence[Job]) -> dict[Key, Ready]:
        """The runs of these jobs, parents first among them; those that are not there are made."""
        stored = self._stored(jobs)
        intents = {job.key: MlflowRun(*job.key, None, None) for job in jobs if job.key not in stored}
        self._store(intents.values())
        rows = {**stored, **intents}
        experiments: dict[str, str] = {}
        new: set[Key] = set()
        for job in jobs:
            if rows[job.key].run_id is not None:
                continue
            experiment_id = self._experiment(job, known=experiments)
            run_id = self._mlflow.find(experiment_id, key=job.content.key) if job.key in stored else None
            if run_id is None:
                parent = None if job.key[1] == PARENT else rows[job.sweep.id, PARENT].run_id
                run_id = self._mlflow.create(experiment_id, content=job.content, parent=parent)
                new.add(job.key)
            rows[job.key] = replace(rows[job.key], experiment_id=experiment_id, run_id=run_id)
        self._store(rows[job.key] for job in jobs if rows[job.key] != stored.get(job.key))
        ready: dict[Key, Ready] = {}
        for job in jobs:
            run = rows[job.key]
            assert run.experiment_id is not None
            assert run.run_id is not None
            ready[job.key] = Ready(run.experiment_id, run.run_id, is_new=job.key in new)
        return ready

    def unmake(self, sweep_id: str) -> list[Key]:
        """MLflow lost runs of a sweep: all are to be looked for, and made where they are missing. Gives their keys."""
        rows = self.of_sweep(sweep_id)
        self._store(replace(row, experiment_id=None, run_id=None) for row in rows)
        return [(row.sweep_id, row.number) for row in rows]

    def delete(self, sweep_id: str, *, in_mlflow: bool) -> None:
        """Forgets the runs of a sweep that is gone; `in_mlflow`: deletes them there too."""
        rows = self.of_sweep(sweep_id)
        if in_mlflow:
            for experiment_id in {row.experiment_id for row in rows if row.experiment_id is not None}:
                self._mlflow.delete_runs(experiment_id, sweep_id=sweep_id)
        with self._database.write() as connection:
            runs.forget(connection, sweep_id)

    def _experiment(self, job: Job, *, known: dict[str, str]) -> str:
        name = job.sweep.spec.mlflow.experiment or DEFAULT_EXPERIMENT
        if name not in known:
            known[name] = self._mlflow.experiment(name)
        return known[name]

    def _stored(self, jobs: Sequence[Job]) -> dict[Key, MlflowRun]:
        numbers: dict[str, set[int]] = {}
        for sweep_id, number in (job.key for job in jobs):
            numbers.setdefault(sweep_id, {PARENT}).add(number)
        with self._database.read() as connection:
            found = [runs.of_sweep(connection, sweep_id, numbers=wanted) for sweep_id, wanted in numbers.items()]
        return {(row.sweep_id, row.number): row for rows in found for row in rows.values()}

    def _store(self, rows: Iterable[MlflowRun]) -> None:
        if wanted := list(rows):
            with self._database.write() as connection:
                runs.store(connection, wanted)
