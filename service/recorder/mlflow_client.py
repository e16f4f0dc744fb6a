"""The door to MLflow: MlflowClient with explicit run ids only, never the fluent global state."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag

from service.mlflow_urls import TRIALS_VIEW_KEY
from service.recorder.content import KEY_TAG, SWEEP_TAG, Point, RunStatus
from service.recorder.data_content import DataContent
from service.recorder.delivery import Delivery, NewRun
from service.recorder.lanes import Lanes
from service.recorder.mlflow_errors import RunMissing, RunRefused, away_translated, translated
from trainer.settings import Settings

HTTP_SECONDS = 10
HTTP_LANES = 2  # with 20 ms to the server 15 trials/s instead of 9; beside it, on busy cores, neither gain nor loss

Fault: TypeAlias = RunMissing | RunRefused
Arrived: TypeAlias = Callable[[Delivery, Fault | None], None]
"""Told of a delivery that is done with; possibly by several threads at once."""

PROXIED = "mlflow-artifacts:/"
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
        # Over HTTP a second run uses the time that the first one waits.
        self._lanes = Lanes(HTTP_LANES if artifacts is None else 1)

    @property
    def is_embedded(self) -> bool:
        """Whether writes may be lost with the machine's power until `make_durable`."""
        return self._artifacts is not None

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name; made, or brought back from the deleted ones, when it is not there."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = None if self._artifacts is None else PROXIED + re.sub(r"[^A-Za-z0-9_-]", "-", name)
            return str(self._client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def find_all(self, experiment_id: str, *, keys: Iterable[str]) -> dict[str, str]:
        """The runs that carry these keys, by key, those that were made."""
        wanted = list(keys)
        found = self._lanes.each(wanted, act=partial(self._found, experiment_id))
        return {key: run_id for key, run_id in zip(wanted, found, strict=True) if run_id is not None}

    def create_all(self, wanted: Sequence[NewRun]) -> list[str]:
        """Makes these runs with their tags and gives their ids, in their order; they are RUNNING."""
        return self._lanes.each(wanted, act=self.create)

    def create(self, run: NewRun) -> str:
        """Makes one run."""
        content = run.content
        made = self._client.create_run(
            run.experiment_id, start_time=content.started_ms, tags=run.tags, run_name=content.name
        )
        return str(made.info.run_id)

    def send_all(self, deliveries: Sequence[Delivery], *, arrived: Arrived) -> None:
        """Brings these deliveries, and tells of each that has come, with its fault where it was not taken."""
        self._lanes.each(deliveries, act=lambda one: arrived(one, self._fault_of(one)))

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
        if self._artifacts is None or not uri.startswith(PROXIED):
            self._client.log_text(run_id, text, name)
            return
        path = self._artifacts / uri.removeprefix(PROXIED).lstrip("/") / name
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

    def _found(self, experiment_id: str, key: str) -> str | None:
        query = f"tags.`{KEY_TAG}` = '{key}'"
        runs = self._client.search_runs([experiment_id], filter_string=query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def _fault_of(self, delivery: Delivery) -> Fault | None:
        try:
            self._send(delivery)
        except (RunMissing, RunRefused) as fault:
            return fault
        return None

    def _send(self, delivery: Delivery) -> None:
        run_id, points, params, tags = delivery.run_id, delivery.points, delivery.params, delivery.tags
        if delivery.data is not None:
            self.log_data(run_id, data=delivery.data)
        if points or params or tags:
            self.log(run_id, points=points, params=params, tags=tags)
        if delivery.ended_ms is not None and delivery.status is not None:
            self.end(run_id, status=delivery.status, ended_ms=delivery.ended_ms)
        elif delivery.status is not None:
            self.reopen(run_id)

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
