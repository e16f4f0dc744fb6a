"""Makes the MLflow run of each sweep and trial, exactly once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from service.database.database import Database
from service.recorder.backlog import Key
from service.recorder.content import trial_key
from service.recorder.delivery import NewRun
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
    and is looked for by its tag before another is made. Whoever froze may even make it after that (a server that was
    suspended, a database that held its commits back): then there are two, until `weed`.
    """

    def __init__(self, database: Database, *, mlflow: Mlflow) -> None:
        self._database = database
        self._mlflow = mlflow
        self._sure: set[str] = set()  # sweeps whose runs were all made at the first try, by this process

    def of_sweep(self, sweep_id: str) -> list[MlflowRun]:
        """What is stored of a sweep's runs."""
        with self._database.read() as connection:
            return list(runs.of_sweep(connection, sweep_id).values())

    def ready(self, jobs: Sequence[Job]) -> dict[Key, Ready]:
        """The runs of these jobs; those that are not there are made, parents first."""
        stored = self._stored(jobs)
        intents = {job.key: MlflowRun(*job.key, None, None) for job in jobs if job.key not in stored}
        self._store(intents.values())
        self._sure |= {sweep_id for sweep_id, number in intents if number == PARENT}
        self._sure -= {row.sweep_id for row in stored.values() if row.run_id is None}
        rows = {**stored, **intents}
        missing = [job for job in jobs if rows[job.key].run_id is None]
        experiments = self._experiments(missing)
        parents = [job for job in missing if job.key[1] == PARENT]
        new: set[Key] = set()
        for some in (parents, [job for job in missing if job.key[1] != PARENT]):
            for key, ready in self._made(some, known=stored.keys(), experiments=experiments, rows=rows).items():
                rows[key] = replace(rows[key], experiment_id=ready.experiment_id, run_id=ready.run_id)
                new |= {key} if ready.is_new else set()
        self._store(rows[job.key] for job in missing)
        return {job.key: _ready(rows[job.key], is_new=job.key in new) for job in jobs}

    def unmake(self, sweep_id: str) -> list[Key]:
        """MLflow lost runs of a sweep: all are to be looked for, and made where they are missing. Gives their keys."""
        rows = self.of_sweep(sweep_id)
        self._store(replace(row, experiment_id=None, run_id=None) for row in rows)
        return [(row.sweep_id, row.number) for row in rows]

    def weed(self, sweep_id: str) -> None:
        """Of the runs of a sweep that ends, those that were made twice are deleted: the ones whose ids never came.

        A run whose own id is still to be found again is not one of them.
        """
        if sweep_id in self._sure:
            return
        rows = self.of_sweep(sweep_id)
        known = {_mlflow_key(row): row.run_id for row in rows if row.run_id is not None}
        for experiment_id in {row.experiment_id for row in rows if row.experiment_id is not None}:
            self._mlflow.delete_doubles(experiment_id, sweep_id=sweep_id, known=known)
        if len(known) == len(rows):
            self._sure.add(sweep_id)

    def delete(self, sweep_id: str, *, in_mlflow: bool) -> None:
        """Forgets the runs of a sweep that is gone; `in_mlflow`: deletes them there too."""
        rows = self.of_sweep(sweep_id)
        self._sure.discard(sweep_id)
        if in_mlflow:
            for experiment_id in {row.experiment_id for row in rows if row.experiment_id is not None}:
                self._mlflow.delete_runs(experiment_id, sweep_id=sweep_id)
        with self._database.write() as connection:
            runs.forget(connection, sweep_id)

    def _made(
        self,
        jobs: Sequence[Job],
        *,
        known: Collection[Key],
        experiments: Mapping[str, str],
        rows: Mapping[Key, MlflowRun],
    ) -> dict[Key, Ready]:
        """The runs of these jobs, looked for first where it is known that somebody wanted to make them."""
        ready: dict[Key, Ready] = {}
        wanted: dict[Key, NewRun] = {}
        found = self._found([job for job in jobs if job.key in known], experiments=experiments)
        for job in jobs:
            experiment_id = experiments[_experiment(job)]
            if job.key in found:
                ready[job.key] = Ready(experiment_id, found[job.key], is_new=False)
            else:
                parent = None if job.key[1] == PARENT else rows[job.sweep.id, PARENT].run_id
                wanted[job.key] = NewRun(experiment_id, job.content, parent)
        for (key, run), run_id in zip(wanted.items(), self._mlflow.create_all([*wanted.values()]), strict=True):
            ready[key] = Ready(run.experiment_id, run_id, is_new=True)
        return ready

    def _found(self, jobs: Sequence[Job], *, experiments: Mapping[str, str]) -> dict[Key, str]:
        """The runs of these jobs that were made."""
        by_experiment: dict[str, dict[str, Key]] = {}
        for job in jobs:
            by_experiment.setdefault(experiments[_experiment(job)], {})[job.content.key] = job.key
        return {
            keys[key]: run_id
            for experiment_id, keys in by_experiment.items()
            for key, run_id in self._mlflow.find_all(experiment_id, keys=keys).items()
        }

    def _experiments(self, jobs: Sequence[Job]) -> dict[str, str]:
        """The ids of the experiments of these jobs, by name."""
        return {name: self._mlflow.experiment(name) for name in dict.fromkeys(map(_experiment, jobs))}

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


def _experiment(job: Job) -> str:
    return job.sweep.spec.mlflow.experiment or DEFAULT_EXPERIMENT


def _mlflow_key(row: MlflowRun) -> str:
    return row.sweep_id if row.number == PARENT else trial_key(row.sweep_id, number=row.number)


def _ready(run: MlflowRun, *, is_new: bool) -> Ready:
    assert run.experiment_id is not None
    assert run.run_id is not None
    return Ready(run.experiment_id, run.run_id, is_new=is_new)
