"""What each verb does to a sweep in each state: a table, and nothing else."""

from sweeps.states import FINAL_SWEEP_STATES, SweepState

PENDING, RUNNING, PAUSED = SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED
STOPPING, CANCELLING = SweepState.STOPPING, SweepState.CANCELLING
COMPLETED, STOPPED, CANCELLED = SweepState.COMPLETED, SweepState.STOPPED, SweepState.CANCELLED

# verb -> (state before -> state after). The same state means: asked again, nothing changes. A sweep that had begun
# becomes RUNNING where PENDING stands here.
VERBS: dict[str, dict[SweepState, SweepState]] = {
    "pause": {PENDING: PAUSED, RUNNING: PAUSED, PAUSED: PAUSED},
    "resume": {PAUSED: PENDING, PENDING: PENDING, RUNNING: RUNNING},
    "stop": {PENDING: STOPPING, RUNNING: STOPPING, PAUSED: STOPPING, STOPPING: STOPPING, STOPPED: STOPPED},
    "cancel": {
        PENDING: CANCELLING,
        RUNNING: CANCELLING,
        PAUSED: CANCELLING,
        STOPPING: CANCELLING,
        CANCELLING: CANCELLING,
        CANCELLED: CANCELLED,
    },
    "extend": {PENDING: PENDING, RUNNING: RUNNING, PAUSED: PAUSED, COMPLETED: PENDING},
}


def next_state(verb: str, *, state: SweepState) -> SweepState | None:
    """The state after the verb; None when the state does not allow it."""
    return VERBS[verb].get(state)


def refusal(verb: str, *, state: SweepState) -> str:
    """Why a verb is refused, and what to do instead."""
    allowed = ", ".join(sorted({before.value for before in VERBS[verb]}))
    mend = "start a new sweep" if state in FINAL_SWEEP_STATES else "wait until it is final"
    return f"The sweep is {state.value}; :{verb} is for {allowed}. To go on, {mend}."
