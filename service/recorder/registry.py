"""The door to MLflow's models and their registry, through its server. Every step may be taken again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from service.recorder.mlflow_errors import ArtifactsAway, RunRefused, away_translated, is_unknown
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
        with self._asked():
            return next((str(one.version) for one in self._versions_of(champion)), None)

    def upload(self, champion: Champion, *, exported: ExportedModel) -> str:
        """The id of the model of this export, as an output of the sweep's run; READY when all of it is there."""
        with self._asked():
            model = next(self._models_of(champion), None) or self._client.create_logged_model(
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
        with self._asked():
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
        with self._asked():
            self._client.set_registered_model_alias(champion.name, ALIAS, version)

    def weed(self, champion: Champion, *, version: str) -> None:
        """Deletes what was made of this export besides this version: late, by a server that had seemed to be away."""
        with self._asked():
            kept = self._client.get_model_version(champion.name, version)
            for one in self._versions_of(champion):
                if one.version != kept.version:
                    self._client.delete_model_version(one.name, one.version)
            others = {f"models:/{model.model_id}": model.model_id for model in self._models_of(champion)}
            if others.pop(str(kept.source), None) is not None:  # else nobody knows which of them it lives on
                for model_id in others.values():
                    self._client.delete_logged_model(model_id)

    def delete(self, sweep_id: str, *, name: str, experiment_id: str) -> None:
        """Deletes the models of a sweep and their versions under this name, which goes with its last version."""
        with self._asked():
            for version in [one for one in self._versions(sweep_id) if one.name == name]:
                self._client.delete_model_version(name, version.version)
                if not self._client.search_model_versions(f"name = '{name}'", max_results=1):
                    self._client.delete_registered_model(name)
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

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """An MLflow that is there and does not know what a model is will not learn it by being asked again."""
        try:
            with away_translated():
                yield
        except ArtifactsAway as error:
            if is_unknown(error.__cause__) and self._is_there():
                raise RunRefused(f"this MLflow keeps no models (3.0 and later do): {error}") from error
            raise

    def _is_there(self) -> bool:
        try:
            self._client.search_experiments(max_results=1)
        except (MlflowException, OSError):
            return False
        return True

    def _versions_of(self, champion: Champion) -> Iterator[ModelVersion]:
        """Of this very export, under our name: whoever promotes a version to a name of his own copies its tags."""
        found = self._versions(champion.sweep_id)
        return (one for one in found if (one.name, one.tags.get(EXPORT_TAG)) == (champion.name, champion.sha256))

    def _models_of(self, champion: Champion) -> Iterator[LoggedModel]:
        found = self._models(champion.experiment_id, sweep_id=champion.sweep_id)
        return (one for one in found if one.tags.get(EXPORT_TAG) == champion.sha256)

    def _versions(self, sweep_id: str) -> Iterator[ModelVersion]:
        return iter(self._client.search_model_versions(f"tags.`{SWEEP_TAG}` = '{sweep_id}'"))

    def _models(self, experiment_id: str, *, sweep_id: str) -> Iterator[LoggedModel]:
        return iter(self._client.search_logged_models([experiment_id], f"tags.`{SWEEP_TAG}` = '{sweep_id}'"))


def _settings(exported: ExportedModel) -> dict[str, Setting]:
    return paths_of(exported.about.settings)
