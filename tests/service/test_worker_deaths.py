"""What a worker says of the death of its child, and what stays in its hand: the pure part."""

from service.protocol import ChildDeath
from service.worker.child_messages import ChildSaid
from service.worker.outbox import MAX_REPORTS
from service.worker.state import WorkerState
from tests.service.worker_talk import NOW, answer, holding, report, sent, verdict
from tests.service.workers import assignment
from trainer.config import Limits
from trainer.report import Verdict


def test_a_dead_child_takes_what_it_trained_and_leaves_the_rest() -> None:
    state = holding(*(assignment(attempt, "a", epochs=1) for attempt in (1, 2, 3)), slots=2)
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    state.lose_child(ChildDeath(attempts=(), how="signal", signal=11), now=NOW + 5)
    state.new_child()
    exchange = sent(state, now=NOW + 5)
    assert [(death.attempts, death.seconds) for death in exchange.deaths] == [((2,), 5.0)]
    assert [held.attempt for held in exchange.in_hand] == [1, 3]
    assert [one.attempt for one in state.to_give()] == [3]
    keep = verdict(Verdict.STOP, epoch=1, keep=True)
    assert state.accept(answer(exchange, answers=(keep,))) == ()
    assert state.hand.child_is_free is False  # it has attempt 3; nobody has the weights of 1 any more
    assert [held.attempt for held in sent(state).in_hand] == [3]


def test_a_child_that_took_nothing_is_named_with_the_first_that_it_was_given() -> None:
    state = WorkerState(slots=1)
    state.accept(answer(sent(state), assignments=(assignment(1, "a"), assignment(2, "a"))))
    state.to_give()
    assert not state.hand.in_training
    state.lose_child(ChildDeath(attempts=(), how="exit", code=1), now=NOW + 5)
    exchange = sent(state, now=NOW + 5)
    assert [(death.attempts, death.seconds) for death in exchange.deaths] == [((1,), 0.0)]
    assert [held.attempt for held in exchange.in_hand] == [2]


def test_what_is_held_ahead_lends_nothing_of_its_limits() -> None:
    hasty = assignment(2, "b", limits=Limits(hang_seconds=10))
    state = holding(assignment(1, "a", limits=Limits(hang_seconds=60)), hasty)
    assert state.hand.limits() == Limits(hang_seconds=60)
    state.hear(ChildSaid(reports=(report(3, last=True),)), now=NOW)
    assert state.hand.limits() == Limits(hang_seconds=10)


def test_a_death_waits_for_the_reports_before_it_and_is_in_hand_till_then() -> None:
    state = holding(assignment(1, "a"), assignment(2, "a"))
    state.hear(ChildSaid(reports=tuple(report(epoch) for epoch in range(1, MAX_REPORTS + 2))), now=NOW)
    state.lose_child(ChildDeath(attempts=(), how="exit", code=1), now=NOW)
    first = sent(state)
    assert (first.deaths, sorted(held.attempt for held in first.in_hand)) == ((), [1, 2])
    state.accept(answer(first))
    second = sent(state)
    assert [death.attempts for death in second.deaths] == [(1,)]
    assert [held.attempt for held in second.in_hand] == [2]


def test_a_pause_that_the_dead_child_should_have_followed_hands_the_attempt_back() -> None:
    state = holding(assignment(1, "a", epochs=1))
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    travelling = sent(state)
    state.lose_child(ChildDeath(attempts=(), how="exit", code=1), now=NOW)
    assert state.accept(answer(travelling, answers=(verdict(Verdict.PAUSE, epoch=1),))) == ()
    assert sent(state).in_hand == ()
