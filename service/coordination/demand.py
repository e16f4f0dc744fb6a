"""How many workers would have work now: what an executor that grows and shrinks goes by. Works on the desk."""

from service.coordination.asking import can_propose
from service.coordination.desk import Desk
from service.coordination.handing import HANDS_OUT, widest
from service.executors.contract import Outlook
from service.records import Sweep
from sweeps.states import TrialState


def num_wanted(desk: Desk, *, outlook: Outlook) -> int:
    """How many workers could work on what is under way, were all there that the executor could have."""
    return sum(_wanted_by(desk, sweep, outlook=outlook) for sweep in desk.sweeps.values()) + desk.board.num_open


def _wanted_by(desk: Desk, sweep: Sweep, *, outlook: Outlook) -> int:
    num_open = len(desk.open_trials(sweep.id, TrialState.WAITING, TrialState.RUNNING))
    if sweep.state not in HANDS_OUT:
        return num_open
    num_left = sweep.budget_trials - desk.num_trials[sweep.id] if can_propose(desk, sweep) else 0
    room = widest(sweep, num_workers=outlook.num_workers, num_slots=outlook.num_workers)
    return min(room, num_open + num_left)
