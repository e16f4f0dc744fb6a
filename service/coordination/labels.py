"""Under what trials and attempts are found on the desk, besides their keys."""

from service.records import Attempt, Trial
from service.stores import attempts as attempt_rows
from sweeps.states import TrialState


def trial_labels(one: Trial) -> tuple[tuple[str, TrialState], ...]:
    """Its sweep and state."""
    return ((one.sweep_id, one.state),)


def attempt_labels(one: Attempt) -> tuple[tuple[str, object], ...]:
    """Its worker, its sweep, and its trial; nothing once it has ended."""
    if one.state == attempt_rows.ENDED:
        return ()
    return (("worker", one.worker_id), ("sweep", one.sweep_id), ("trial", one.key))
