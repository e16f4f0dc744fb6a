"""The rows of MLflow's tables that runs and deliveries become. Pure; the rules are MLflow's (see mlflow_tables)."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from mlflow.entities import LifecycleStage, SourceType
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME, MLFLOW_USER
from mlflow.utils.uri import append_to_uri_path

from service.recorder.content import Point
from service.recorder.delivery import Delivery, NewRun

Row: TypeAlias = dict[str, Any]
PointRow: TypeAlias = tuple[str, float, int, int, bool, str]

POINT_COLUMNS = ("key", "value", "timestamp", "step", "is_nan", "run_uuid")
ARTIFACTS_FOLDER_NAME = "artifacts"
NO_USER = "unknown"


def run_row(run: NewRun, *, run_id: str, location: str) -> Row:
    """The row of a new run; `location`: where its experiment keeps artifacts."""
    return {
        "run_uuid": run_id,
        "name": run.content.name,
        "source_type": SourceType.to_string(SourceType.UNKNOWN),
        "source_name": "",
        "entry_point_name": "",
        "user_id": run.tags.get(MLFLOW_USER, NO_USER),
        "status": "RUNNING",
        "start_time": run.content.started_ms,
        "end_time": None,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "artifact_uri": _artifacts(location, run_id),
        "experiment_id": int(run.experiment_id),
    }


def _artifacts(location: str, run_id: str) -> str:
    return str(append_to_uri_path(location, run_id, ARTIFACTS_FOLDER_NAME))  # type: ignore[no-untyped-call]  # MLflow


def new_tag_rows(run: NewRun, *, run_id: str) -> list[Row]:
    """The tags that a run is made with."""
    return pair_rows(run.tags | {MLFLOW_RUN_NAME: run.content.name}, run_id=run_id)


def status_row(delivery: Delivery) -> Row:
    """How a run stands from now on."""
    return {"run": delivery.run_id, "new_status": delivery.status, "ended_ms": delivery.ended_ms}


def pair_rows(pairs: Mapping[str, str], *, run_id: str) -> list[Row]:
    """Tags, or params."""
    return [{"key": key, "value": value, "run_uuid": run_id} for key, value in pairs.items()]


def point_rows(points: Iterable[Point], *, run_id: str) -> list[PointRow]:
    """Points of metrics, in the order of POINT_COLUMNS."""
    its_end = (False, run_id)
    return [point + its_end for point in points]


def latest_rows(points: Iterable[Point], *, run_id: str) -> list[Row]:
    """The point of each metric that has the highest step, then timestamp, then value."""
    found: dict[str, Point] = {}
    for point in points:
        other = found.get(point.key)
        if other is None or (point.step, point.at_ms, point.value) > (other.step, other.at_ms, other.value):
            found[point.key] = point
    return [dict(zip(POINT_COLUMNS, row, strict=True)) for row in point_rows(found.values(), run_id=run_id)]
