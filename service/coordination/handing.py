"""What a worker is handed next. All functions work on the desk."""

from service.coordination import blame
from service.coordination.announcing import able
from service.coordination.asking import ask, can_propose, seconds_left
from service.coordination.desk import Desk
from service.coordination.endings import change_sweep_state, lose_attempt
from service.protocol import Exchange
from service.records import Attempt, Sweep, Trial, TrialKey, Worker
from service.stores import attempts as attempt_rows
from service.stores import workers as worker_rows
from sweeps.states import SweepState, TrialState
from trainer.config import Assignment
from trainer.model_settings import trained_by

HANDS_OUT = (SweepState.PENDING, SweepState.RUNNING)


def hand_out(desk: Desk, request: Exchange, *, worker: Worker) -> list[Assignment]:
    """At most `num_wanted` assignments for this worker: sweeps in turn, so that all get equal worker-seconds."""
    if worker.state != worker_rows.ALIVE:
        return []
    handed: list[Assignment] = []
    for index in range(request.num_wanted):
        assignment = _next_of_any(desk, worker, answer_number=request.number, ahead=index >= request.num_free)
        if assignment is None:
            break
        handed.append(assignment)
    return handed


def may_hand_out(desk: Desk) -> bool:
    """Whether a worker that waits might be handed something now: else nobody need be woken."""
    return _a_task_waits(desk) or any(_may_hand_out(desk, sweep) for sweep in desk.sweeps.values())


def _a_task_waits(desk: Desk) -> bool:
    waiting = [one.task.body.problem for one in desk.board.tickets() if one.worker is None]
    return any(desk.attendance().crew(problem).workers for problem in waiting)


def _may_hand_out(desk: Desk, sweep: Sweep) -> bool:
    if not able(desk, sweep).workers:
        return False
    num_places = parallel(desk, sweep)
    is_open = sweep.state in HANDS_OUT or _finishes(desk, sweep)
    if not is_open or seconds_left(desk, sweep) <= 0 or num_in_live_hands(desk, sweep.id) >= num_places:
        return False
    if unheld(desk, sweep.id) or desk.num_open(sweep.id, TrialState.PAUSED):
        return True
    return can_propose(desk, sweep) and _num_in_flight(desk, sweep) < num_places


def parallel(desk: Desk, sweep: Sweep) -> int:
    """How many trials of the sweep may be in flight on the workers that are here."""
    crew = able(desk, sweep)
    return widest(sweep, num_workers=len(crew.workers), num_slots=crew.num_slots)


def widest(sweep: Sweep, *, num_workers: int, num_slots: int) -> int:
    """How many trials of the sweep may be in flight on so many workers with so many slots in all.

    `auto` = min(slots, max(workers, trials / 10)): wider, and the sampler learns nothing (DESIGN 2).
    """
    if isinstance(sweep.spec.budget.parallel, int):
        return sweep.spec.budget.parallel
    return max(1, min(num_slots, max(num_workers, sweep.budget_trials // 10)))


def _next_of_any(desk: Desk, worker: Worker, *, answer_number: int, ahead: bool) -> Assignment | None:
    for sweep in _in_turn(desk):
        if not worker.can_train(sweep.spec.problem):
            continue
        if ahead and _is_full(desk, sweep):
            return None  # its turn: what another sweep had ahead would take its next place
        num_reserved = _num_free_elsewhere(desk, sweep, worker=worker) if ahead else 0
        while (trial := _next_trial(desk, sweep, worker=worker, num_reserved=num_reserved)) is not None:
            assignment = _assign(desk, trial, worker=worker, answer_number=answer_number)
            if assignment is not None:
                return assignment
        if ahead and _num_in_flight(desk, sweep) + num_reserved >= parallel(desk, sweep):
            # Its turn, and it may not have more in flight: what another sweep had ahead would take its next place.
            return None
    return None


def _in_turn(desk: Desk) -> list[Sweep]:
    """The sweeps that may be handed out, first the one with the least worker-seconds had and promised.

    Where that says nothing yet, the one that has less in hand: two long trials must not both be of the same sweep.
    """
    active = [sweep for sweep in desk.sweeps.values() if sweep.state in HANDS_OUT or _finishes(desk, sweep)]
    if len(active) < 2:
        return active
    shares = {sweep.id: _share(desk, sweep.id) for sweep in active}
    return sorted(active, key=lambda sweep: (shares[sweep.id], len(desk.held(sweep.id)), sweep.position))


def _share(desk: Desk, sweep_id: str) -> float:
    service = desk.service[sweep_id]
    promised = sum(max(service.trial_seconds() - one.seconds, 0.0) for one in desk.held(sweep_id))
    return service.worker_seconds + promised


def _finishes(desk: Desk, sweep: Sweep) -> bool:
    """A sweep that stops still finishes what it had begun."""
    return sweep.state is SweepState.STOPPING and any(begun(one) for one in unheld(desk, sweep.id))


def begun(trial: Trial) -> bool:
    """Whether it was in training before: a sweep that stops still finishes it."""
    return trial.attempts > 0


def unheld(desk: Desk, sweep_id: str) -> list[Trial]:
    """Trials that wait in nobody's hands, or in those of a worker whose lease ended."""
    return [one for one in desk.open_trials(sweep_id, TrialState.WAITING) if not _is_in_live_hands(desk, one.key)]


def num_in_live_hands(desk: Desk, sweep_id: str) -> int:
    """How many attempts of a sweep have workers whose leases run."""
    silent = desk.attendance().silent
    num_silent = sum(one.sweep_id == sweep_id for worker_id in silent for one in desk.of_worker(worker_id))
    return desk.attempts.num_under(("sweep", sweep_id)) - num_silent


def _is_in_live_hands(desk: Desk, key: TrialKey) -> bool:
    attempt = desk.attempt_of(key)
    return attempt is not None and attempt.worker_id not in desk.attendance().silent


def _next_trial(desk: Desk, sweep: Sweep, *, worker: Worker, num_reserved: int) -> Trial | None:
    """What this worker gets of the sweep; `num_reserved` places in flight are kept for others."""
    num_places = parallel(desk, sweep) - num_reserved
    if seconds_left(desk, sweep) <= 0 or num_in_live_hands(desk, sweep.id) >= num_places:
        return None
    waiting = [one for one in unheld(desk, sweep.id) if sweep.state in HANDS_OUT or begun(one)]
    untried = [one for one in waiting if not _better_elsewhere(desk, one, worker)]
    if untried or sweep.state is SweepState.STOPPING:
        return untried[0] if untried else None
    while (promoted := desk.searches[sweep.id].promote()) is not None:
        trial = desk.change_trial((sweep.id, promoted), state=TrialState.WAITING)
        if desk.attempt_of((sweep.id, promoted)) is None:  # else its checkpoint is still to come
            return trial
    if not can_propose(desk, sweep) or _num_in_flight(desk, sweep) >= num_places:
        return None
    return ask(desk, sweep)


def _num_free_elsewhere(desk: Desk, sweep: Sweep, *, worker: Worker) -> int:
    """Free slots of the other workers: a trial ahead here must not take the place of one that would start there."""
    others = [one for one in able(desk, sweep).workers if one.id != worker.id]
    return sum(max(0, one.slots - desk.attempts.num_under(("worker", one.id))) for one in others)


def _is_full(desk: Desk, sweep: Sweep) -> bool:
    """All places in flight are taken, by trials that are in somebody's hands: whatever is free elsewhere."""
    places = parallel(desk, sweep)
    return num_in_live_hands(desk, sweep.id) >= places and _num_in_flight(desk, sweep) >= places


def _num_in_flight(desk: Desk, sweep: Sweep) -> int:
    return desk.num_open(sweep.id, TrialState.WAITING, TrialState.RUNNING)


def _better_elsewhere(desk: Desk, trial: Trial, worker: Worker) -> bool:
    """It died here before, and there is a worker on which it did not."""
    tried = desk.tried[trial.sweep_id, trial.number]
    if worker.id not in tried:
        return False
    return any(one.id not in tried for one in able(desk, desk.sweeps[trial.sweep_id]).workers)


def _assign(desk: Desk, trial: Trial, *, worker: Worker, answer_number: int) -> Assignment | None:
    key = trial.key
    older = desk.attempt_of(key)
    if older is not None:  # its worker's lease ended: the new attempt's higher id is the fence
        lose_attempt(desk, older, verdict=blame.of_worker("the worker's lease ended"))
        if desk.open_trial(key) is None:
            return None
    sweep = desk.sweeps[trial.sweep_id]
    if sweep.state is SweepState.PENDING:
        sweep = _start(desk, sweep)
    attempt = desk.add_attempt(
        Attempt(
            id=desk.next_attempt,
            sweep_id=sweep.id,
            number=trial.number,
            worker_id=worker.id,
            answer_number=answer_number,
            state=attempt_rows.HELD,
            started=False,
            seconds=0.0,
            how=None,
            created_at=desk.now,
            ended_at=None,
        )
    )
    return _assignment(desk, sweep, trial, attempt_id=attempt.id)


def level_with_others(desk: Desk, sweep_id: str) -> None:
    """Whoever comes (back) later does not get the time that the others had before: it starts level with the least."""
    others = [desk.service[one.id].worker_seconds for one in desk.sweeps.values() if one.state is SweepState.RUNNING]
    mine = desk.service[sweep_id]
    mine.worker_seconds = max(mine.worker_seconds, min(others, default=0.0))


def _start(desk: Desk, sweep: Sweep) -> Sweep:
    level_with_others(desk, sweep.id)
    return change_sweep_state(desk, sweep.id, state=SweepState.RUNNING, reason=None)


def _assignment(desk: Desk, sweep: Sweep, trial: Trial, *, attempt_id: int) -> Assignment:
    spec = sweep.spec
    problem, settings = trained_by(spec.problem, settings=trial.settings)
    return Assignment(
        attempt=attempt_id,
        sweep=sweep.id,
        trial=trial.number,
        problem=problem,
        settings=settings,
        epochs=spec.budget.epochs,
        seed=trial.seed,
        metric=spec.goal_metric,
        rungs=desk.searches[sweep.id].rungs(),
        judged=desk.searches[sweep.id].judged(),
        checkpoint=trial.checkpoint,
        limits=spec.limits.of_child(),
    )
