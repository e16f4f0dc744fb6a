"""The table of verbs and states, as DESIGN 2 words it."""

import pytest

from service.coordination.lifecycle import VERBS, next_state, refusal
from sweeps.states import FINAL_SWEEP_STATES, SweepState

ENDED_BY_USER_OR_FAULT = {SweepState.STOPPED, SweepState.CANCELLED, SweepState.FAILED}
UNDER_WAY = {SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED}

REFUSED = {
    "pause": {SweepState.STOPPING, SweepState.CANCELLING, *FINAL_SWEEP_STATES},
    "resume": {SweepState.STOPPING, SweepState.CANCELLING, *FINAL_SWEEP_STATES},
    "stop": {SweepState.CANCELLING, *FINAL_SWEEP_STATES} - {SweepState.STOPPED},
    "cancel": FINAL_SWEEP_STATES - {SweepState.CANCELLED},
    "extend": {SweepState.STOPPING, SweepState.CANCELLING, *ENDED_BY_USER_OR_FAULT},
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", SweepState)
def test_each_verb_in_each_state(verb: str, state: SweepState) -> None:
    assert (next_state(verb, state=state) is None) == (state in REFUSED[verb])


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        ("pause", {SweepState.PAUSED}),
        ("resume", {SweepState.PENDING, SweepState.RUNNING}),
        ("stop", {SweepState.STOPPING, SweepState.STOPPED}),
        ("cancel", {SweepState.CANCELLING, SweepState.CANCELLED}),
    ],
)
def test_where_it_was_asked_to_go_nothing_changes(verb: str, states: set[SweepState]) -> None:
    assert {state for state in SweepState if next_state(verb, state=state) is state} == states


def test_no_verb_leads_out_of_a_final_state_but_extend_out_of_completed() -> None:
    after = {(verb, state): next_state(verb, state=state) for verb in VERBS for state in FINAL_SWEEP_STATES}
    left = {(verb, state) for (verb, state), then in after.items() if then not in (None, state)}
    assert left == {("extend", SweepState.COMPLETED)}


@pytest.mark.parametrize("state", REFUSED["pause"])
def test_a_refusal_says_the_state_and_what_to_do(state: SweepState) -> None:
    text = refusal("pause", state=state)
    assert state.value in text
    assert "PENDING, RUNNING" in text
    assert ("new sweep" in text) == (state in FINAL_SWEEP_STATES)
