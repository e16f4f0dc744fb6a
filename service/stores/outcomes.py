"""What plots are drawn from, read without the columns that they have no use for: sweeps have thousands of trials."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from service.tables import epoch, event, trial
from sweeps.insights.outcomes import Outcome
from sweeps.states import TrialState


def of_sweep(connection: Connection, sweep_id: str) -> list[Outcome]:
    """How the trials went, in the order of ending; those that have not ended come last."""
    columns = (trial.c.number, trial.c.state, trial.c.settings, trial.c.value, trial.c.num_epochs)
    order = (trial.c.ended_at.is_(None), trial.c.ended_at, trial.c.number)
    query = select(*columns).where(trial.c.sweep_id == sweep_id).order_by(*order)
    return [
        Outcome(number=number, state=TrialState(state), settings=settings, value=value, num_epochs=num_epochs)
        for number, state, settings, value, num_epochs in connection.execute(query)
    ]


def metrics(
    connection: Connection, sweep_id: str, *, numbers: Collection[int], every: int
) -> list[tuple[int, int, dict[str, float | None]]]:
    """(trial, epoch, metrics) of these trials in order: the first epoch, and every so many."""
    query = (
        select(epoch.c.number, epoch.c.epoch, epoch.c.metrics)
        .where(epoch.c.sweep_id == sweep_id, epoch.c.number.in_(numbers))
        .where((epoch.c.epoch == 1) | (epoch.c.epoch % every == 0))
        .order_by(epoch.c.number, epoch.c.epoch)
    )
    return [(number, count, values) for number, count, values in connection.execute(query)]


def version(connection: Connection, sweep_id: str) -> int:
    """The id of the latest event of a sweep: while it is the same, so is all that plots show."""
    query = select(func.coalesce(func.max(event.c.id), 0)).where(event.c.sweep_id == sweep_id)
    return int(connection.execute(query).scalar_one())
