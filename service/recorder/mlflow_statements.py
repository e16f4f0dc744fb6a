"""The statements that write MLflow's tables in SQLite, made from MLflow's own models: the names are theirs."""

from typing import Any, cast

from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from sqlalchemy import String, Table, bindparam, column, func, select, table, tuple_, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert

from service.recorder.mlflow_rows import POINT_COLUMNS


def _table(model: Any) -> Table:
    return cast(Table, model.__table__)


EXPERIMENTS, RUNS, TAGS = _table(SqlExperiment), _table(SqlRun), _table(SqlTag)
PARAMS, METRICS, LATEST = _table(SqlParam), _table(SqlMetric), _table(SqlLatestMetric)

REVISION = select(column("version_num", String)).select_from(table("alembic_version"))
EXPERIMENT_NAMED = select(EXPERIMENTS.c.experiment_id, EXPERIMENTS.c.lifecycle_stage).where(
    EXPERIMENTS.c.name == bindparam("the_name"), EXPERIMENTS.c.workspace == bindparam("the_workspace")
)
EXPERIMENT = select(EXPERIMENTS.c.artifact_location, EXPERIMENTS.c.lifecycle_stage).where(
    EXPERIMENTS.c.experiment_id == bindparam("the_id")
)
STAGES = select(RUNS.c.run_uuid, RUNS.c.lifecycle_stage).where(RUNS.c.run_uuid.in_(bindparam("ids", expanding=True)))
PARAMS_OF = select(PARAMS.c.run_uuid, PARAMS.c.key, PARAMS.c.value).where(
    PARAMS.c.run_uuid.in_(bindparam("ids", expanding=True))
)

ADD_RUNS = insert(RUNS)
ADD_PARAMS = insert(PARAMS).on_conflict_do_nothing()
SET_STATUS = (
    update(RUNS)
    .where(RUNS.c.run_uuid == bindparam("run"))
    .values(status=bindparam("new_status"), end_time=func.coalesce(bindparam("ended_ms"), RUNS.c.end_time))
)


def _add_points() -> str:
    """As text for the driver, of POINT_COLUMNS: there are a hundred points a trial, and naming their columns costs."""
    compiled = insert(METRICS).on_conflict_do_nothing().compile(dialect=sqlite.dialect())
    assert compiled.positiontup == [*POINT_COLUMNS]
    return str(compiled)


def _set_tags() -> Insert:
    new = insert(TAGS)
    return new.on_conflict_do_update(index_elements=["key", "run_uuid"], set_={"value": new.excluded.value})


def _keep_latest() -> Insert:
    """The latest point of a metric is the one of the highest step, then timestamp, then value."""
    new = insert(LATEST)
    rank = ("step", "timestamp", "value")
    return new.on_conflict_do_update(
        index_elements=["key", "run_uuid"],
        set_={name: new.excluded[name] for name in (*rank, "is_nan")},
        where=tuple_(*(new.excluded[name] for name in rank)) > tuple_(*(LATEST.c[name] for name in rank)),
    )


ADD_POINTS = _add_points()
SET_TAGS = _set_tags()
KEEP_LATEST = _keep_latest()
