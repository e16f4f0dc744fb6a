"""A database, a recorder, and a real MLflow server with its registry."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion

from service.recorder.copier import Copier
from service.recorder.mlflow_embedded import open_mlflow
from service.recorder.registry import Registry
from service.records import MlflowRun
from service.stores import events, runs
from service.stores.runs import PARENT
from sweeps.states import SweepState
from tests.service.exported_files import FLOWER_ROWS, FLOWERS, export_in
from tests.service.recorder_house import copier_of
from tests.service.recorder_story import BEGIN, Story
from trainer.config import CheckpointRef


class RegistryHouse:
    """A database, a recorder, and the MLflow server that it works with."""

    def __init__(self, story: Story, *, folder: Path, url: str) -> None:
        self.story = story
        self.url = url
        self.client = MlflowClient(tracking_uri=url)
        self.mlflow = open_mlflow(None, folder=folder)
        self.restart()

    def restart(self, *, registry: Registry | None = None) -> None:
        """A new recorder on the same databases."""
        self.copier: Copier = copier_of(self.story, mlflow=self.mlflow, registry=registry or Registry(self.url))

    def copy(self, *, now: float = 0.0) -> None:
        """Steps until nothing is due."""
        while self.copier.step(now=now, hurry=True):
            pass

    def ended(self, sweep_id: str, *, file: CheckpointRef) -> None:
        """A sweep from its begin to the export of its winner."""
        self.story.sweep(sweep_id, mlflow={"experiment": sweep_id})
        self.story.whole(0, sweep_id=sweep_id)
        self.story.best(0, sweep_id=sweep_id)
        self.story.sweep_state(SweepState.COMPLETED, sweep_id=sweep_id, ended_at=BEGIN + 9)
        self.story.export(0, sweep_id=sweep_id, file=file)

    def flowers(self, *, seed: int = 0) -> CheckpointRef:
        return export_in(self.story.files, preprocessing=FLOWERS, rows=FLOWER_ROWS, seed=seed)[0]

    def row(self, sweep_id: str) -> MlflowRun:
        with self.story.database.read() as connection:
            return runs.of_sweep(connection, sweep_id)[PARENT]

    def versions(self, sweep_id: str) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name = 'digits-{sweep_id}'", order_by=["version_number"]))

    def champion(self, sweep_id: str) -> str:
        return str(self.client.get_model_version_by_alias(f"digits-{sweep_id}", "champion").version)

    def once(self, sweep_id: str) -> None:
        """One version, one model, one output of the run; the row knows, and nothing waits."""
        assert [str(one.version) for one in self.versions(sweep_id)] == [self.champion(sweep_id)] == ["1"]
        row = self.row(sweep_id)
        assert (row.model_name, row.model_version) == (f"digits-{sweep_id}", "1")
        assert row.experiment_id is not None
        assert row.run_id is not None
        models = list(self.client.search_logged_models([row.experiment_id]))
        assert [one.status for one in models] == [LoggedModelStatus.READY]
        outputs = self.client.get_run(row.run_id).outputs
        assert outputs is not None
        assert [one.model_id for one in outputs.model_outputs] == [one.model_id for one in models]
        with self.story.database.read() as connection:
            assert runs.place(connection) == events.latest_id(connection)
