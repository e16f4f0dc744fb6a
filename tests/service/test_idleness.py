"""When a worker that nobody needs leaves."""

from service.worker.idleness import Idleness
from service.worker.state import WorkerState

NOW = 1000.0


def test_it_leaves_after_so_long_without_anything_in_hand() -> None:
    idleness = Idleness(idle_seconds=60)
    for now in (NOW, NOW + 30):
        idleness.note(WorkerState(slots=1), moves_files=False, now=now)
    assert idleness.leave_at == NOW + 60


def test_a_result_whose_file_is_on_its_way_keeps_it_here() -> None:
    idleness, state = Idleness(idle_seconds=60), WorkerState(slots=1)
    for now in (NOW, NOW + 90):
        idleness.note(state, moves_files=now > NOW, now=now)
    assert idleness.leave_at is None
    idleness.note(state, moves_files=False, now=NOW + 100)
    assert idleness.leave_at == NOW + 160


def test_without_a_limit_it_stays() -> None:
    idleness = Idleness(idle_seconds=None)
    idleness.note(WorkerState(slots=1), moves_files=False, now=NOW)
    assert idleness.leave_at is None
