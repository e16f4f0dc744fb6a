"""Registers the winner of each sweep with MLflow, once per export."""

from dataclasses import replace
from pathlib import Path

from service.database.database import Database
from service.recorder.export_file import read_export
from service.recorder.mlflow_errors import ArtifactsAway, RunRefused
from service.recorder.registry import Champion, Registry
from service.records import MlflowRun
from service.stores import runs
from service.stores.runs import PARENT


class Champions:
    """The name is stored before anything is made, the version when all is done.

    What a crash, or an answer that never came, left behind is found by its tags before anything is made again.
    """

    def __init__(self, database: Database, *, registry: Registry, files: Path) -> None:
        self._database = database
        self._registry = registry
        self._files = files

    def register(self, champion: Champion) -> None:
        """Registers the winner under the alias. Raises ArtifactsAway, RunMissing, RunRefused."""
        row = self._row(champion.sweep_id)
        version = self._registry.version_of(champion)
        if row is None or (version is not None and row.model_version == version):
            return
        if row.model_name != champion.name:
            self._store(replace(row, model_name=champion.name, model_version=None))
        if version is None:
            version = self._registry.register(champion, model_id=self._upload(champion))
        self._registry.crown(champion, version=version)
        self._registry.weed(champion, version=version)
        self._store(replace(row, model_name=champion.name, model_version=version))

    def delete(self, sweep_id: str) -> None:
        """Deletes the models of a sweep, if it had any. Raises ArtifactsAway."""
        row = self._row(sweep_id)
        if row is not None and row.model_name is not None and row.experiment_id is not None:
            self._registry.delete(sweep_id, name=row.model_name, experiment_id=row.experiment_id)

    def _upload(self, champion: Champion) -> str:
        try:
            exported = read_export(self._files / f"{champion.sha256}.safetensors")
        except ValueError as error:
            raise RunRefused(str(error)) from error
        except OSError as error:
            raise ArtifactsAway(str(error)) from error
        return self._registry.upload(champion, exported=exported)

    def _row(self, sweep_id: str) -> MlflowRun | None:
        with self._database.read() as connection:
            return runs.of_sweep(connection, sweep_id, numbers=[PARENT]).get(PARENT)

    def _store(self, row: MlflowRun) -> None:
        with self._database.write() as connection:
            runs.store(connection, [row])
