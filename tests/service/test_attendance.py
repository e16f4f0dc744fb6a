"""Who is here and may be handed what."""

from dataclasses import replace

from service.coordination.attendance import Attendance, stays_the_same
from service.records import Worker
from trainer.config import ProblemConfig

NOW = 1000.0
DIGEST = "a" * 64
DATASET, PLUGIN = ProblemConfig(dataset="digits"), ProblemConfig(plugin="mine", digest=DIGEST)


def worker(name: str, *, lease_until: float, state: str = "ALIVE", problems: tuple[str, ...] = ()) -> Worker:
    return Worker(
        id=name,
        executor="external",
        host="here",
        pid=1,
        slots=2,
        device="cpu",
        version="1",
        token_hash="",
        state=state,
        lease_until=lease_until,
        request_number=0,
        answer=None,
        failed_row=(),
        problems=problems,
        created_at=0.0,
        ended_at=None,
    )


def test_who_is_silent_or_benched_is_handed_nothing() -> None:
    here, other = worker("here", lease_until=NOW + 50), worker("other", lease_until=NOW + 60, problems=(DIGEST,))
    silent, benched = worker("silent", lease_until=NOW), worker("benched", lease_until=NOW + 60, state="BENCHED")
    attendance = Attendance([here, silent, benched, other], now=NOW)
    assert attendance.silent == {"silent"}
    assert attendance.working == (here, other)
    assert (attendance.crew(DATASET).workers, attendance.crew(DATASET).num_slots) == ((here, other), 4)
    assert attendance.crew(PLUGIN).workers == (other,)


def test_it_holds_until_a_lease_may_end_and_never_before_its_time() -> None:
    attendance = Attendance([worker("a", lease_until=NOW + 50), worker("b", lease_until=NOW - 1)], now=NOW)
    assert [attendance.holds(at) for at in (NOW - 1, NOW, NOW + 49, NOW + 50)] == [False, True, True, False]


def test_a_renewed_lease_changes_nothing_and_one_that_had_ended_does() -> None:
    before = worker("a", lease_until=NOW + 1)
    assert stays_the_same(before, after=replace(before, lease_until=NOW + 60, request_number=4), now=NOW)
    assert not stays_the_same(replace(before, lease_until=NOW), after=replace(before, lease_until=NOW + 60), now=NOW)
    assert not stays_the_same(before, after=replace(before, state="BENCHED"), now=NOW)
    assert not stays_the_same(before, after=replace(before, problems=(DIGEST,)), now=NOW)
