"""The states of sweeps and trials, and which of them are final."""

from enum import StrEnum


class SweepState(StrEnum):
    """Where a sweep is in its life."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class TrialState(StrEnum):
    """Where a trial is in its life. WAITING: asked and in nobody's hands yet, or handed out without a step made."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    PRUNED = "PRUNED"
    DIVERGED = "DIVERGED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINAL_SWEEP_STATES = frozenset({SweepState.COMPLETED, SweepState.STOPPED, SweepState.CANCELLED, SweepState.FAILED})
FINAL_TRIAL_STATES = frozenset(
    {TrialState.COMPLETED, TrialState.PRUNED, TrialState.DIVERGED, TrialState.FAILED, TrialState.CANCELLED}
)
