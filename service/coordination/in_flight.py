"""How many trials of a sweep are in flight, and how many may be: in all, and on one worker. Works on the desk."""

from service.coordination.announcing import able
from service.coordination.desk import Desk
from service.records import Sweep, Worker
from sweeps.states import TrialState


def is_stacked(desk: Desk, sweep: Sweep) -> bool:
    """Whether rows of stacks train the sweep: it fills slots. Of another one a worker trains one trial at a time."""
    return desk.groups[sweep.id].is_stacked


def parallel(desk: Desk, sweep: Sweep) -> int:
    """How many trials of the sweep may be in flight on the workers that are here."""
    crew = able(desk, sweep)
    num_workers = len(crew.workers)
    num_slots = crew.num_slots if is_stacked(desk, sweep) else num_workers
    return widest(sweep, num_workers=num_workers, num_slots=num_slots)


def widest(sweep: Sweep, *, num_workers: int, num_slots: int) -> int:
    """How many trials of the sweep may be in flight on so many workers, which have room for so many in all.

    `auto` = min(slots, max(workers, trials / 10)): wider, and the sampler learns nothing (DESIGN 2).
    """
    if isinstance(sweep.spec.budget.parallel, int):
        return sweep.spec.budget.parallel
    return max(1, min(num_slots, max(num_workers, sweep.budget_trials // 10)))


def part_of(desk: Desk, sweep: Sweep, *, worker: Worker) -> int:
    """How many of the trials that may be in flight are this worker's: who asks first does not take them all."""
    return -(-parallel(desk, sweep) * worker.slots // max(1, able(desk, sweep).num_slots))


def num_in_flight(desk: Desk, sweep: Sweep) -> int:
    """How many were asked, and are neither PAUSED nor final."""
    return desk.num_open(sweep.id, TrialState.WAITING, TrialState.RUNNING)


def num_in_live_hands(desk: Desk, sweep_id: str) -> int:
    """How many attempts of a sweep have workers whose leases run."""
    silent = desk.attendance().silent
    num_silent = sum(one.sweep_id == sweep_id for worker_id in silent for one in desk.of_worker(worker_id))
    return desk.attempts.num_under(("sweep", sweep_id)) - num_silent


def is_full(desk: Desk, sweep: Sweep) -> bool:
    """All places in flight are taken, by trials that are in somebody's hands: whatever is free elsewhere."""
    places = parallel(desk, sweep)
    return num_in_live_hands(desk, sweep.id) >= places and num_in_flight(desk, sweep) >= places
