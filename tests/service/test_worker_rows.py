"""A worker with many rows in hand: how many it wants, whose time passes, when it speaks, who runs alone."""

import pytest

from service.protocol import ChildDeath
from service.worker.child_messages import ChildSaid
from service.worker.rhythm import REST_SECONDS
from service.worker.state import WorkerState
from tests.service.worker_talk import NOW, answer, holding, report, sent, verdict
from tests.service.workers import assignment
from trainer.config import Assignment
from trainer.report import Verdict


def rows(*attempts: int, sweep: str = "a") -> tuple[Assignment, ...]:
    return tuple(assignment(attempt, sweep) for attempt in attempts)


def suspect(attempt: int) -> Assignment:
    return assignment(attempt, "a").model_copy(update={"alone": True})


def given(state: WorkerState, *assignments: Assignment) -> list[int]:
    """The service hands these out; what of all in hand the child gets then."""
    state.accept(answer(sent(state), assignments=assignments))
    return to_give(state)


def to_give(state: WorkerState) -> list[int]:
    return [one.attempt for one in state.to_give()]


@pytest.mark.parametrize(("slots", "num_wanted"), [(1, 2), (2, 3), (16, 20), (32, 40)])
def test_a_quarter_of_the_slots_is_wanted_ahead(slots: int, num_wanted: int) -> None:
    first = sent(WorkerState(slots=slots))
    assert (first.num_free, first.num_wanted) == (slots, num_wanted)


def test_rows_of_a_sweep_share_the_time_of_the_child_and_sweeps_get_as_much_as_each_other() -> None:
    state = holding(*rows(1, 2, 3), *rows(4, sweep="b"), slots=4)
    state.hear(ChildSaid(reports=(report(6, attempt=1),)), now=NOW)
    seconds = {held.attempt: held.seconds for held in sent(state, now=NOW + 6).in_hand}
    assert seconds == {1: 7.0, 2: 1.0, 3: 1.0, 4: 3.0}


def test_the_time_of_a_row_that_is_through_goes_to_the_others() -> None:
    state = holding(*rows(1, 2), slots=2)
    state.hear(ChildSaid(reports=(report(3, attempt=1, last=True),)), now=NOW)
    assert [held.seconds for held in sent(state, now=NOW + 2).in_hand] == [3.0, 2.0]


def test_what_many_rows_say_within_a_rest_goes_in_one_request() -> None:
    state = holding(*rows(1, 2, 3), slots=2)
    for attempt in (1, 2):
        state.hear(ChildSaid(reports=(report(1, attempt=attempt),)), now=NOW)
        assert state.next_exchange(now=NOW, heartbeat_due=False) is None
        assert state.speaks_at == NOW + REST_SECONDS
    exchange = state.next_exchange(now=NOW + REST_SECONDS, heartbeat_due=False)
    assert exchange is not None
    assert [one.attempt for one in exchange.reports] == [1, 2]


def test_one_row_alone_waits_for_no_rest() -> None:
    state = holding(*rows(1, 2))
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    assert state.next_exchange(now=NOW, heartbeat_due=False) is not None


@pytest.mark.parametrize(("num_rows", "rests"), [(3, False), (9, True)])
def test_few_rows_do_not_rest_while_a_slot_is_idle(num_rows: int, *, rests: bool) -> None:
    state = holding(*rows(*range(1, num_rows + 1)), slots=num_rows)
    state.hear(ChildSaid(reports=(report(3, attempt=1, last=True),)), now=NOW)
    assert (state.next_exchange(now=NOW, heartbeat_due=False) is None) is rests


def test_a_suspect_begins_where_nothing_else_is_and_stays_alone() -> None:
    state = WorkerState(slots=8)
    assert given(state, *rows(1, 2), suspect(3)) == [1, 2]
    assert (state.hand.num_free, state.hand.num_wanted) == (0, 0)
    for attempt in (1, 2):
        state.hear(ChildSaid(taken=(attempt,), reports=(report(3, attempt=attempt, last=True),)), now=NOW)
        assert to_give(state) == []  # its verdict may want its weights
    assert (state.hand.num_free, state.hand.num_wanted) == (0, 1)
    assert given(state, *rows(4)) == [3]
    state.hear(ChildSaid(taken=(3,), started=(3,)), now=NOW)
    assert (to_give(state), state.hand.num_wanted) == ([], 0)
    state.hear(ChildSaid(reports=(report(3, attempt=3, last=True),)), now=NOW)
    assert to_give(state) == [4]
    assert state.hand.num_wanted == 9


def test_of_two_suspects_one_waits_for_the_other() -> None:
    state = WorkerState(slots=8)
    assert given(state, suspect(1), suspect(2)) == [1]
    state.hear(ChildSaid(taken=(1,), started=(1,), reports=(report(1),)), now=NOW)
    state.accept(answer(sent(state), answers=(verdict(Verdict.STOP, epoch=1),)))
    assert to_give(state) == [2]


def test_a_suspect_that_dies_is_named_alone() -> None:
    state = WorkerState(slots=8)
    given(state, suspect(1), *rows(2))
    state.hear(ChildSaid(taken=(1,), started=(1,)), now=NOW)
    state.lose_child(ChildDeath(attempts=(), how="exit", code=1), now=NOW + 1)
    state.new_child()
    assert [death.attempts for death in sent(state, now=NOW + 1).deaths] == [(1,)]
    assert to_give(state) == [2]
