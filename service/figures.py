"""The service's figures for Prometheus, counted from the tables when they are asked for."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Connection

from service.stores import events as event_rows
from service.stores import runs
from service.stores import sweeps as sweep_rows
from service.stores import workers as worker_rows


def rendered(connection: Connection) -> bytes:
    """Sweeps and trials by state, workers, and how far the recorder is behind."""
    registry = CollectorRegistry()
    sweeps = Gauge("ravine_sweeps", "Sweeps by state.", ["state"], registry=registry)
    for state, count in sweep_rows.state_counts(connection).items():
        sweeps.labels(state.value).set(count)
    trials = Gauge("ravine_trials", "Trials of all sweeps by state.", ["state"], registry=registry)
    for name, count in sweep_rows.all_trial_counts(connection).items():
        trials.labels(name.value).set(count)
    here = worker_rows.here(connection)
    Gauge("ravine_workers", "Workers that are here.", registry=registry).set(len(here))
    Gauge("ravine_slots", "Slots of all workers.", registry=registry).set(sum(one.slots for one in here))
    behind = event_rows.latest_id(connection) - runs.place(connection)
    Gauge("ravine_mlflow_pending_events", "Events not yet copied to MLflow.", registry=registry).set(behind)
    return generate_latest(registry)
