"""What a worker knows and what follows: the pure part."""

import pytest

from service.protocol import ExchangeAnswer, Refusal
from service.worker.child_messages import ChildSaid
from service.worker.outbox import MAX_REPORTS
from service.worker.state import WorkerState
from tests.service.worker_talk import NOW, REF, answer, holding, report, sent, verdict
from tests.service.workers import assignment
from trainer.config import Limits
from trainer.report import CheckpointNote, Ending, Verdict, WeightsNote


def test_one_exchange_travels_at_a_time() -> None:
    state = WorkerState(slots=1)
    assert sent(state).number == 1
    assert state.next_exchange(now=NOW, heartbeat_due=True) is None


def test_nothing_is_sent_without_news() -> None:
    state = holding(assignment(1, "a"), assignment(2, "a"))
    assert state.next_exchange(now=NOW, heartbeat_due=False) is None
    assert state.next_wait() is None


def test_room_that_the_service_knows_of_is_no_news_but_more_room_is() -> None:
    state = holding(assignment(1, "a"))
    assert state.next_exchange(now=NOW, heartbeat_due=False) is None
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    state.accept(answer(sent(state), answers=(verdict(Verdict.STOP, epoch=1),)))
    more = state.next_exchange(now=NOW, heartbeat_due=False)
    assert more is not None
    assert (more.num_free, more.num_wanted) == (1, 2)


def test_an_idle_worker_waits_for_another_version() -> None:
    state = WorkerState(slots=1)
    state.accept(ExchangeAnswer(number=sent(state).number, work_version=7))
    wait = state.next_wait()
    assert wait is not None
    assert wait.work_version == 7
    state.wait_ended()
    assert state.next_wait() is None
    assert state.next_exchange(now=NOW, heartbeat_due=False) is not None


def test_reports_carry_their_age() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    state.hear(ChildSaid(reports=(report(2),)), now=NOW + 2)
    assert [one.age_seconds for one in sent(state, now=NOW + 3).reports] == [3.0, 1.0]


def test_training_time_goes_on_between_reports() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(5),)), now=NOW + 6)
    assert [held.seconds for held in sent(state, now=NOW + 8).in_hand] == [7.0]


@pytest.mark.parametrize("epoch", [1, None])
def test_after_a_stop_nothing_is_told_of_the_attempt(epoch: int | None) -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    travelling = sent(state)
    diverged = Ending(attempt=1, state="DIVERGED", reason="inf", seconds=2)
    note = CheckpointNote(attempt=1, checkpoint=REF.model_copy(update={"epoch": 2}))
    state.hear(ChildSaid(reports=(report(2),), checkpoints=(note,), endings=(diverged,)), now=NOW)
    stop = verdict(Verdict.STOP, epoch=epoch)
    assert state.accept(answer(travelling, answers=(stop,)))[-1] == stop
    state.hear(ChildSaid(reports=(report(3),)), now=NOW)
    after = sent(state)
    assert (after.reports, after.endings, after.checkpoints, after.in_hand) == ((), (), (), ())


def test_a_pause_throws_away_what_came_after_and_waits_for_its_ending() -> None:
    state = holding(assignment(1, "a", epochs=2))
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    travelling = sent(state)
    state.hear(ChildSaid(reports=(report(2, last=True),)), now=NOW)
    pause = verdict(Verdict.PAUSE, epoch=1)
    assert state.accept(answer(travelling, answers=(pause,))) == (pause,)
    between = sent(state)
    assert (between.reports, [held.attempt for held in between.in_hand]) == ((), [1])
    state.accept(answer(between))
    paused = Ending(attempt=1, state="PAUSED", reason="asked", seconds=2, checkpoint=REF)
    state.hear(ChildSaid(endings=(paused,)), now=NOW)
    assert (sent(state).endings, len(state.hand)) == ((paused,), 0)


def test_a_pause_wins_over_a_divergence_that_came_later_and_was_not_told() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(1),)), now=NOW)
    travelling = sent(state)
    state.hear(ChildSaid(endings=(Ending(attempt=1, state="DIVERGED", reason="inf", seconds=2),)), now=NOW)
    state.accept(answer(travelling, answers=(verdict(Verdict.PAUSE, epoch=1),)))
    between = sent(state)
    assert (between.endings, [held.attempt for held in between.in_hand]) == ((), [1])


def test_a_report_without_a_verdict_at_a_rung_may_continue() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=(report(1), report(2))), now=NOW)
    assert state.accept(answer(sent(state))) == (verdict(Verdict.CONTINUE, epoch=1),)


def test_a_last_report_keeps_the_attempt_in_hand_until_it_is_answered() -> None:
    state = holding(assignment(1, "a", epochs=1))
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    last = sent(state)
    assert [held.attempt for held in last.in_hand] == [1]
    assert (last.num_free, last.num_wanted) == (1, 2)
    keep = verdict(Verdict.STOP, epoch=1, keep=True)
    assert state.accept(answer(last, answers=(keep,))) == (keep,)
    assert len(state.hand) == 0
    assert not state.hand.child_is_free
    note = WeightsNote(attempt=1, weights=REF)
    state.hear(ChildSaid(weights=(note,)), now=NOW)
    state.hear(ChildSaid(heeded=(1,)), now=NOW)
    assert state.hand.child_is_free
    assert sent(state).weights == (note,)


def test_weights_that_cannot_be_written_hold_nothing_up() -> None:
    state = holding(assignment(1, "a", epochs=1))
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    state.accept(answer(sent(state), answers=(verdict(Verdict.STOP, epoch=1, keep=True),)))
    assert not state.hand.child_is_free
    state.hear(ChildSaid(heeded=(1,)), now=NOW)
    assert state.hand.child_is_free


def test_a_refused_attempt_is_stopped_and_forgotten() -> None:
    state = holding(assignment(1, "a"), assignment(2, "a"))
    refused = (Refusal(attempt=1, detail="superseded"), Refusal(attempt=77, detail="unknown"))
    assert state.accept(answer(sent(state), refused=refused)) == (verdict(Verdict.STOP, epoch=None),)
    assert [held.attempt for held in sent(state).in_hand] == [2]


def test_the_child_lets_go_of_what_ended() -> None:
    state = holding(assignment(1, "a"), assignment(2, "a"))
    state.hear(ChildSaid(endings=(Ending(attempt=1, state="DIVERGED", reason="inf", seconds=2),)), now=NOW)
    assert state.accept(answer(sent(state))) == (verdict(Verdict.STOP, epoch=None),)


def test_a_sweep_with_a_memory_limit_waits_for_a_child_of_its_own() -> None:
    limited = assignment(2, "b", limits=Limits(memory_mb=100))
    state = holding(assignment(1, "a", epochs=1), limited)
    assert (state.to_give(), state.needs_other_child()) == ((), False)
    state.hear(ChildSaid(reports=(report(1, last=True),)), now=NOW)
    assert not state.needs_other_child()  # its verdict may ask for its weights
    state.accept(answer(sent(state), answers=(verdict(Verdict.STOP, epoch=1),)))
    assert state.needs_other_child()
    state.new_child()
    assert state.to_give() == (limited,)


def test_after_an_outage_reports_go_in_pieces_and_endings_last() -> None:
    state = holding(assignment(1, "a"))
    state.hear(ChildSaid(reports=tuple(report(epoch) for epoch in range(1, MAX_REPORTS + 2))), now=NOW)
    failed = Ending(attempt=1, state="FAILED", reason="raised", seconds=1)
    state.hear(ChildSaid(endings=(failed,)), now=NOW)
    first = sent(state)
    assert (len(first.reports), first.endings, len(first.in_hand)) == (MAX_REPORTS, (), 1)
    state.accept(answer(first))
    second = sent(state)
    assert (len(second.reports), second.endings, second.in_hand) == (1, (failed,), ())


def test_draining_takes_nothing_more_and_leaving_names_nothing() -> None:
    state = holding(assignment(1, "a"), assignment(2, "b", limits=Limits(memory_mb=9)))
    travelling = sent(state)
    state.drain()
    state.accept(answer(travelling, assignments=(assignment(3, "a"),)))
    assert [held.assignment.attempt for held in state.hand] == [1]
    leaving = state.leave(now=NOW)
    assert (leaving.leaving, leaving.in_hand, leaving.num_wanted, leaving.answered) == (True, (), 0, 3)
