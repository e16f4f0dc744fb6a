"""How many workers would have work now: what an executor that grows and shrinks goes by. Works on the desk.

It follows the rules by which handing.py hands out, for workers that are not here yet.
"""

from collections import Counter
from collections.abc import Mapping

from service.coordination.announcing import able
from service.coordination.asking import can_propose, seconds_left
from service.coordination.desk import Desk
from service.coordination.handing import HANDS_OUT, begun, unheld
from service.coordination.in_flight import is_stacked, num_in_live_hands, widest
from service.coordination.tasks import Ticket
from service.executors.contract import EXTERNAL, Outlook
from service.records import Sweep, Worker
from sweeps.states import SweepState, TrialState
from trainer.config import ProblemConfig


def num_wanted(desk: Desk, *, outlook: Outlook) -> int:
    """How many of the executor's workers could work on what is under way, were all there that it could have.

    Those that work now are among them; workers that came by themselves take of the work, and are none of these.
    """
    here, busy = desk.attendance().working, _busy(desk)
    ahead = _num_ahead(desk, busy)
    num_new = sum(
        _num_handed(desk, sweep, outlook=outlook, num_ahead=ahead[sweep.id], busy=busy)
        for sweep in desk.sweeps.values()
    )
    num_new += sum(_needs_a_new_one(desk, ticket) for ticket in desk.board.tickets())
    num_free_guests = sum(one.executor == EXTERNAL and one.id not in busy for one in here)
    num_busy = sum(one.executor != EXTERNAL for one in busy.values())
    is_new_here = all(one.executor == EXTERNAL for one in here)
    return num_busy + max(num_new - num_free_guests, int(is_new_here and _asks_for_unknown_plugins(desk)))


def _busy(desk: Desk) -> dict[str, Worker]:
    """The workers with a trial or a task in hand, by id."""
    with_tasks = {ticket.worker for ticket in desk.board.tickets()}
    here = [one for one in desk.workers.values() if one.lease_until > desk.now]
    return {one.id: one for one in here if one.id in with_tasks or desk.of_worker(one.id)}


def _num_ahead(desk: Desk, busy: Mapping[str, Worker]) -> Counter[str]:
    """How many trials of sweeps that are not stacked wait behind another one on their workers, by sweep."""
    ahead: Counter[str] = Counter()
    for worker_id in busy:
        held = [one.sweep_id for one in desk.of_worker(worker_id)]
        ahead.update([one for one in held if one in desk.sweeps and not is_stacked(desk, desk.sweeps[one])][1:])
    return ahead


def _num_handed(desk: Desk, sweep: Sweep, *, outlook: Outlook, num_ahead: int, busy: Mapping[str, Worker]) -> int:
    """To how many more workers trials of this sweep would be handed, were all there.

    The places of the `num_ahead` that wait behind others on their workers are theirs too: who is free gets what is to
    come before more is held ahead.
    """
    stopping = sweep.state is SweepState.STOPPING
    if not (stopping or sweep.state in HANDS_OUT) or seconds_left(desk, sweep) <= 0:
        return 0
    if _is_unknown(desk, sweep.spec.problem):
        return 0
    num_waiting = sum(begun(one) or not stopping for one in unheld(desk, sweep.id))
    num_trials = num_waiting + (0 if stopping else _num_to_come(desk, sweep))
    num_workers = max(1, outlook.num_workers, len(able(desk, sweep).workers))
    if is_stacked(desk, sweep):
        num_stacks = _num_spread(desk, sweep, num_workers=num_workers)
        num_busy = sum(one.id in busy for one in able(desk, sweep).workers)
        return max(0, min(num_stacks - num_busy, num_trials))
    num_in_slots = num_in_live_hands(desk, sweep.id) - num_ahead
    return max(0, min(widest(sweep, num_workers=num_workers, num_slots=num_workers) - num_in_slots, num_trials))


def _num_spread(desk: Desk, sweep: Sweep, *, num_workers: int) -> int:
    """On how many of so many workers a stacked sweep would have rows: each gets its part (in_flight.part_of).

    So it is too where one of them took all places before another one came: of the places that become free that one gets
    its part. Two stacks of half the rows on two workers are done sooner than one stack on one of them.
    """
    num_slots = max((one.slots for one in able(desk, sweep).workers), default=1)
    return min(num_workers, widest(sweep, num_workers=num_workers, num_slots=num_workers * num_slots))


def _num_to_come(desk: Desk, sweep: Sweep) -> int:
    """Trials that are not asked yet. Whether a paused one may go on is known when a worker asks: one looks."""
    if not can_propose(desk, sweep):
        return min(1, desk.num_open(sweep.id, TrialState.PAUSED))
    num_left = sweep.budget_trials - desk.num_trials[sweep.id]
    num_settings = desk.searches[sweep.id].num_left
    return num_left if num_settings is None else min(num_left, num_settings)


def _needs_a_new_one(desk: Desk, ticket: Ticket) -> bool:
    """A task that a user awaits would be over before a worker came, where somebody is here who can do it."""
    if ticket.worker is not None or _is_unknown(desk, ticket.task.body.problem):
        return False
    return ticket.of is not None or not desk.attendance().crew(ticket.task.body.problem).workers


def _is_unknown(desk: Desk, problem: ProblemConfig) -> bool:
    """A plugin that none of the executor's workers here has announced: more of the same would know it no better."""
    able_here = desk.attendance().crew(problem).workers
    return problem.plugin is not None and all(one.executor == EXTERNAL for one in able_here)


def _asks_for_unknown_plugins(desk: Desk) -> bool:
    """Where none of the executor's workers is here, one comes and tells what it knows."""
    tickets = [ticket.task.body.problem for ticket in desk.board.tickets() if ticket.worker is None]
    sweeps = [one.spec.problem for one in desk.sweeps.values() if one.state in HANDS_OUT]
    return any(_is_unknown(desk, problem) for problem in (*tickets, *sweeps))
