"""What is due, and up to where all was copied: pure."""

from service.recorder.backlog import Backlog, Deletion
from service.records import Event
from service.stores.runs import PARENT


def event(
    id: int, *, kind: str, number: int | None = None, epoch: int | None = None, state: str | None = None
) -> Event:
    return Event(id, "s", kind, number, epoch, state, at=0.0)


def due(backlog: Backlog, *, now: float = 0.0, limit: int = 100, hurry: bool = False) -> list[int]:
    """Copies what is due."""
    keys = backlog.due(now=now, limit=limit, hurry=hurry)
    for key in keys:
        backlog.copied(key, now=now)
    return [number for _, number in keys]


def test_a_parent_comes_before_its_first_trial() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="trial.state", number=0, state="RUNNING")])
    assert due(backlog) == [PARENT, 0]


def test_what_trains_is_due_every_two_seconds_and_what_ends_at_once() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="epoch", number=0, epoch=1)])
    due(backlog, now=10.0)
    backlog.add([event(2, kind="epoch", number=0, epoch=2)])
    assert due(backlog, now=11.9) == []
    assert backlog.place == 1
    assert due(backlog, now=12.0) == [0]
    assert backlog.place == 2
    backlog.add([event(3, kind="trial.state", number=0, state="PRUNED")])
    assert due(backlog, now=12.1) == [0]


def test_hurry_does_not_wait() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="epoch", number=0, epoch=1)])
    due(backlog, now=10.0)
    backlog.add([event(2, kind="epoch", number=0, epoch=2)])
    assert due(backlog, now=10.1, hurry=True) == [0]


def test_the_place_stays_before_the_first_event_that_waits() -> None:
    backlog = Backlog(place=4)
    assert backlog.place == 4
    backlog.add([event(5, kind="sweep.state", state="RUNNING"), event(6, kind="epoch", number=1, epoch=1)])
    assert backlog.place == 4
    assert due(backlog, limit=1) == [PARENT]
    assert backlog.place == 5
    due(backlog)
    assert backlog.place == 6


def test_improvements_are_remembered_until_copied() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="best", number=3), event(2, kind="best", number=8)])
    assert backlog.due(now=0.0, limit=9, hurry=False)["s", PARENT].improvements == [3, 8]
    due(backlog)
    backlog.add([event(3, kind="best", number=9)])
    assert backlog.due(now=9.0, limit=9, hurry=False)["s", PARENT].improvements == [9]


def test_a_run_that_has_ended_expects_nothing_more() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="sweep.state", state="COMPLETED")])
    assert backlog.copied(("s", PARENT), now=0.0)
    backlog.add([event(2, kind="sweep.state", state="RUNNING")])
    assert not backlog.copied(("s", PARENT), now=0.0)


def test_a_deleted_sweep_waits_until_it_is_forgotten() -> None:
    backlog = Backlog(place=0)
    backlog.add([event(1, kind="epoch", number=0, epoch=1), event(2, kind="sweep.deleted", state="runs")])
    assert backlog.deletions == {"s": Deletion(2, with_runs=True)}
    assert backlog.place == 0
    backlog.forget("s")
    assert (due(backlog), backlog.place, backlog.deletions) == ([], 2, {})


def test_sending_again_begins_with_the_parent_and_keeps_the_place() -> None:
    backlog = Backlog(place=7)
    backlog.again(("s", 3))
    assert backlog.place == 7
    assert due(backlog) == [PARENT, 3]
    assert backlog.place == 7
