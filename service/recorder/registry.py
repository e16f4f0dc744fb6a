"""The door to MLflow's models and their registry, through its server. Every step may be taken again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from service.recorder.champion_name import ALIAS
from service.recorder.content import SWEEP_TAG
from service.recorder.export_file import ExportedModel
from service.recorder.mlflow_errors import away_translated
from service.recorder.model_folder import Origin, write_model_folder
from trainer.settings import Setting, paths_of

EXPORT_TAG = "ravine.export"
_EXISTS = "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True)
class Champion:
    """The winner of a sweep that is to be registered. `run_id` is the sweep's parent run."""

    sweep_id: str
    trial: int
    name: str
    sha256: str
    experiment_id: str
    run_id: str

    @property
    def tags(self) -> dict[str, str]:
        """By which the model and its version are found again."""
        return {SWEEP_TAG: self.sweep_id, "ravine.number": str(self.trial), EXPORT_TAG: self.sha256}


class Registry:
    """MLflow's models. Each method raises ArtifactsAway while the server cannot be reached, RunMissing, RunRefused."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri)

    def version_of(self, champion: Champion) -> str | None:
        """The registered version of this very export, if there is one."""
        with away_translated():
            found = [one for one in self._versions(champion.sweep_id) if one.tags.get(EXPORT_TAG) == champion.sha256]
            return str(found[0].version) if found else None

    def upload(self, champion: Champion, *, exported: ExportedModel) -> str:
        """The id of the model of this export, as an output of the sweep's run; READY when all of it is there."""
        with away_translated():
            models = self._models(champion.experiment_id, sweep_id=champion.sweep_id)
            found = next((one for one in models if one.tags.get(EXPORT_TAG) == champion.sha256), None)
            model = found or self._client.create_logged_model(
                champion.experiment_id,
                name=f"trial-{champion.trial}",
                source_run_id=champion.run_id,
                tags=champion.tags,
                params={name: json.dumps(value).strip('"') for name, value in _settings(exported).items()},
            )
            if model.status != LoggedModelStatus.READY:
                self._fill(model.model_id, champion=champion, exported=exported)
            return str(model.model_id)

    def register(self, champion: Champion, *, model_id: str) -> str:
        """Makes the next version of the registered model from this model, and gives its number."""
        with away_translated():
            try:
                self._client.create_registered_model(champion.name, tags={"ravine": "sweep"})
            except MlflowException as error:
                if error.error_code != _EXISTS:
                    raise
            made = self._client.create_model_version(
                champion.name,
                f"models:/{model_id}",
                run_id=champion.run_id,
                tags=champion.tags,
                model_id=model_id,
                await_creation_for=0,  # what is answered is there
            )
            return str(made.version)

    def crown(self, champion: Champion, *, version: str) -> None:
        """The alias names this version."""
        with away_translated():
            self._client.set_registered_model_alias(champion.name, ALIAS, version)

    def delete(self, sweep_id: str, *, experiment_id: str) -> None:
        """Deletes the models and versions of a sweep; a registered model goes with its last version."""
        with away_translated():
            for version in self._versions(sweep_id):
                self._client.delete_model_version(version.name, version.version)
                if not self._client.search_model_versions(f"name = '{version.name}'", max_results=1):
                    self._client.delete_registered_model(version.name)
            for model in self._models(experiment_id, sweep_id=sweep_id):
                self._client.delete_logged_model(model.model_id)

    def _fill(self, model_id: str, *, champion: Champion, exported: ExportedModel) -> None:
        about = exported.about
        metadata = {
            "sweep": champion.sweep_id,
            "trial": champion.trial,
            "settings": _settings(exported),
            "metric": about.metric.name,
            "value": about.value,
            "epoch": about.epoch,
        }
        with TemporaryDirectory(prefix="ravine-model-") as folder:
            write_model_folder(exported, folder=Path(folder), origin=Origin(model_id, champion.run_id, metadata))
            self._client.log_model_artifacts(model_id, folder)
        outputs = self._client.get_run(champion.run_id).outputs
        if model_id not in {one.model_id for one in (outputs.model_outputs if outputs else ())}:
            self._client.log_outputs(champion.run_id, models=[LoggedModelOutput(model_id, step=about.epoch)])
        self._client.finalize_logged_model(model_id, LoggedModelStatus.READY)

    def _versions(self, sweep_id: str) -> Iterator[ModelVersion]:
        return iter(self._client.search_model_versions(f"tags.`{SWEEP_TAG}` = '{sweep_id}'"))

    def _models(self, experiment_id: str, *, sweep_id: str) -> Iterator[LoggedModel]:
        return iter(self._client.search_logged_models([experiment_id], f"tags.`{SWEEP_TAG}` = '{sweep_id}'"))


def _settings(exported: ExportedModel) -> dict[str, Setting]:
    return paths_of(exported.about.settings)
