"""The door to MLflow: MlflowClient with explicit run ids only, never the fluent global state."""

import json
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.environment_variables import (
    MLFLOW_DISABLE_TELEMETRY,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Engine, event

from service.mlflow_urls import TRIALS_VIEW_KEY
from service.recorder.content import KEY_TAG, SWEEP_TAG, Point, RunContent, RunStatus
from service.recorder.data_content import DataContent
from service.recorder.mlflow_errors import away_translated, translated
from trainer.settings import Settings

DATABASE_FILE = "mlflow.db"
ARTIFACTS_FOLDER = "artifacts"
READY_FILE = "ready"
HTTP_SECONDS = 10
HTTP_LANES = 2  # with 20 ms to the server 15 trials/s instead of 9; beside it, on busy cores, neither gain nor loss

_PROXIED = "mlflow-artifacts:/"
_PAGE = 1000
# What the UI's "share view" stores: the trials with the columns that matter, the best of them first (maximized or not,
# one click on the column turns it round).
_TRIALS_VIEW = {
    "orderByKey": "metrics.`value`",
    "orderByAsc": False,
    "searchFilter": "",
    "selectedColumns": [
        *(f"metrics.`{name}`" for name in ("value", "best_epoch", "val_loss")),
        *(f"params.`{name}`" for name in Settings.model_fields),
        "tags.`ravine.state`",
    ],
    "runsExpanded": {},
}
_EXPERIMENT_TAGS = {
    f"mlflow.sharedViewState.{TRIALS_VIEW_KEY}": json.dumps(_TRIALS_VIEW),
    "mlflow.experimentKind": "custom_model_development",  # the UI opens on the table of runs, not on traces
    "mlflow.note.content": "A parent run is a sweep: its description is the answer. Its nested runs are the trials.",
}


class Mlflow:
    """One MLflow. With `artifacts` it is our own, whose server serves that folder; files are put there directly."""

    def __init__(self, uri: str, *, artifacts: Path | None) -> None:
        self._client = MlflowClient(tracking_uri=uri)
        self._artifacts = artifacts

    @property
    def is_embedded(self) -> bool:
        """Whether writes may be lost with the machine's power until `make_durable`."""
        return self._artifacts is not None

    @property
    def num_lanes(self) -> int:
        """How many runs are sent side by side: over HTTP a second one uses the time that the first one waits."""
        return 1 if self.is_embedded else HTTP_LANES

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name; made, or brought back from the deleted ones, when it is not there."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = None if self._artifacts is None else _PROXIED + re.sub(r"[^A-Za-z0-9_-]", "-", name)
            return str(self._client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def find(self, experiment_id: str, *, key: str) -> str | None:
        """The run that carries this key, if it was made."""
        query = f"tags.`{KEY_TAG}` = '{key}'"
        runs = self._client.search_runs([experiment_id], filter_string=query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def create(self, experiment_id: str, *, content: RunContent, parent: str | None) -> str:
        """Makes the run with its tags and gives its id; it is RUNNING."""
        tags = content.tags if parent is None else content.tags | {"mlflow.parentRunId": parent}
        start = content.started_ms
        run = self._client.create_run(experiment_id, start_time=start, tags=tags, run_name=content.name)
        return str(run.info.run_id)

    def log(
        self, run_id: str, *, points: tuple[Point, ...], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Adds to a run; what it holds already is left as it is. Raises RunMissing, RunRefused."""
        with translated():
            self._client.log_batch(
                run_id,
                metrics=[Metric(point.key, point.value, point.at_ms, point.step) for point in points],
                params=[Param(key, value) for key, value in params.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )

    def log_data(self, run_id: str, *, data: DataContent) -> None:
        """Names the data as an input of the run; a second time changes nothing. Raises RunMissing, RunRefused."""
        # "code": MLflow's word for data that no address leads to; with another its own readers would fail.
        kind = "code"
        found = Dataset(data.name, data.digest, kind, data.source, schema=data.schema, profile=data.profile)
        context = [InputTag("mlflow.data.context", "training")]
        with translated():
            self._client.log_inputs(run_id, datasets=[DatasetInput(found, context)])

    def end(self, run_id: str, *, status: RunStatus, ended_ms: int) -> None:
        """Ends a run. Raises RunMissing, RunRefused."""
        with translated():
            self._client.set_terminated(run_id, status, end_time=ended_ms)

    def reopen(self, run_id: str) -> None:
        """A run goes on. Raises RunMissing, RunRefused."""
        with translated():
            self._client.update_run(run_id, status="RUNNING")

    def ended_runs(self, experiment_id: str, *, sweep_id: str) -> set[str]:
        """The runs of a sweep that have ended."""
        return {run.info.run_id for run in self._runs(experiment_id, sweep_id) if run.info.status != "RUNNING"}

    def put_text(self, run_id: str, *, name: str, text: str) -> None:
        """Stores a small artifact, over what stood there. Raises ArtifactsAway, RunMissing, RunRefused."""
        with away_translated():
            self._put_text(run_id, name=name, text=text)

    def _put_text(self, run_id: str, *, name: str, text: str) -> None:
        uri = self._client.get_run(run_id).info.artifact_uri
        if self._artifacts is None or not uri.startswith(_PROXIED):
            self._client.log_text(run_id, text, name)
            return
        path = self._artifacts / uri.removeprefix(_PROXIED).lstrip("/") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def delete_runs(self, experiment_id: str, *, sweep_id: str) -> None:
        """Deletes the runs of a sweep, as the UI does."""
        for run in self._runs(experiment_id, sweep_id):
            if KEY_TAG in run.data.tags:
                self._client.delete_run(run.info.run_id)

    def delete_doubles(self, experiment_id: str, *, sweep_id: str, known: Mapping[str, str]) -> None:
        """Deletes the runs of a sweep that carry a key of which another run is `known`."""
        for run in self._runs(experiment_id, sweep_id):
            run_id = run.info.run_id
            if known.get(run.data.tags.get(KEY_TAG, ""), run_id) != run_id:
                self._client.delete_run(run_id)

    def make_durable(self) -> None:
        """What was written until now survives the loss of power."""

    def close(self) -> None:
        """Gives back what was opened."""

    def _runs(self, experiment_id: str, sweep_id: str) -> list[Run]:
        """All of them: MLflow's pages go by position, and runs that are deleted meanwhile would hide others."""
        query, token = f"tags.`{SWEEP_TAG}` = '{sweep_id}'", None
        found: list[Run] = []
        while True:
            page = self._client.search_runs([experiment_id], query, max_results=_PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                return found


class EmbeddedMlflow(Mlflow):
    """Our own MLflow: SQLite in `folder`, opened as MLflow does, but in WAL mode with synchronous=NORMAL.

    A commit then costs no fsync (7 times faster). What the loss of power can take is the latest commits, never an
    earlier one alone: a run that is there and has ended is whole.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder.resolve() / DATABASE_FILE
        if not self._file.exists():
            _make_database(self._file)
        event.listen(Engine, "connect", self._prepare)
        super().__init__(f"sqlite:///{self._file}", artifacts=folder.resolve() / ARTIFACTS_FOLDER)
        (folder / READY_FILE).touch()

    def make_durable(self) -> None:
        """Writes the log of SQLite back, which begins with an fsync."""
        connection = sqlite3.connect(self._file, timeout=5)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def close(self) -> None:
        """Leaves later connections of this process alone."""
        event.remove(Engine, "connect", self._prepare)

    def _prepare(self, connection: sqlite3.Connection, _record: object) -> None:
        # MLflow makes its own engines: every connection of the process comes by here, ours to other files too.
        if not isinstance(connection, sqlite3.Connection):
            return
        files = [row[2] for row in connection.execute("PRAGMA database_list")]
        if str(self._file) in files:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")


def open_mlflow(uri: str | None, *, folder: Path) -> Mlflow:
    """The MLflow at this address, or without one our own in this folder.

    Its client is told neither to wait nor to try again: a request whose answer was lost may have made a run, and
    trying it again blindly would make a second one. The recorder looks first.
    """
    for variable, value in (
        (MLFLOW_DISABLE_TELEMETRY, True),
        (MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
        (MLFLOW_HTTP_REQUEST_MAX_RETRIES, 0),
        (MLFLOW_HTTP_REQUEST_TIMEOUT, HTTP_SECONDS),
    ):
        variable.set(value)  # type: ignore[no-untyped-call]  # MLflow has no types here
    return EmbeddedMlflow(folder) if uri is None else Mlflow(uri, artifacts=None)


def _make_database(file: Path) -> None:
    """MLflow's schema, and its Default experiment such that artifacts go through the server.

    Made aside and moved into place: MLflow refuses a database whose making was cut short by a kill.
    """
    draft = file.with_name(f"{file.name}.draft")
    for left_behind in file.parent.glob(f"{draft.name}*"):
        left_behind.unlink()
    store = SqlAlchemyStore(f"sqlite:///{draft}", _PROXIED)  # type: ignore[no-untyped-call]  # MLflow has no types here
    store.engine.dispose()
    draft.rename(file)
