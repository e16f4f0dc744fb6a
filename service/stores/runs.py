"""What the recorder did: its place in the event log, and the MLflow run of each sweep (number -1) and trial."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from service.records import MlflowRun
from service.tables import mlflow_run, recorder

PARENT = -1
ROW = 1


def place(connection: Connection) -> int:
    """The id of the last event that was copied, 0 before the first."""
    return int(connection.execute(select(recorder.c.event_id).where(recorder.c.id == ROW)).scalar() or 0)


def move(connection: Connection, event_id: int) -> None:
    """All events up to this id were copied."""
    changed = connection.execute(update(recorder).where(recorder.c.id == ROW).values(event_id=event_id))
    if changed.rowcount == 0:
        connection.execute(insert(recorder).values(id=ROW, event_id=event_id))


def of_sweep(connection: Connection, sweep_id: str, *, numbers: Iterable[int] | None = None) -> dict[int, MlflowRun]:
    """The runs of a sweep by trial number (the parent's is -1), all or those asked for."""
    query = select(mlflow_run).where(mlflow_run.c.sweep_id == sweep_id)
    if numbers is not None:
        query = query.where(mlflow_run.c.number.in_(list(numbers)))
    return {row["number"]: MlflowRun(**row) for row in connection.execute(query).mappings()}


def store(connection: Connection, runs: Sequence[MlflowRun]) -> None:
    """Stores runs, or intents to create them, over what stood there."""
    if runs:
        mine = (mlflow_run.c.sweep_id == bindparam("its_sweep"), mlflow_run.c.number == bindparam("its_number"))
        keys = [{"its_sweep": run.sweep_id, "its_number": run.number} for run in runs]
        connection.execute(delete(mlflow_run).where(*mine), keys)
        connection.execute(insert(mlflow_run), [dict(vars(run)) for run in runs])


def forget(connection: Connection, sweep_id: str) -> None:
    """Nothing is remembered of a sweep that is gone."""
    connection.execute(delete(mlflow_run).where(mlflow_run.c.sweep_id == sweep_id))
