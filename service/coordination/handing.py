"""What a worker is handed next. All functions work on the desk."""

from service.coordination import blame
from service.coordination.announcing import able
from service.coordination.asking import ask, can_propose, seconds_left
from service.coordination.desk import Desk
from service.coordination.endings import change_sweep_state, lose_attempt
from service.coordination.in_flight import is_full, is_stacked, num_in_flight, num_in_live_hands, parallel
from service.coordination.room import Room
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
    room = Room(desk, worker=worker, num_free=request.num_free)
    handed: list[Assignment] = []
    for _ in range(request.num_wanted):
        assignment = _next_of_any(desk, room, answer_number=request.number)
        if assignment is None:
            break
        handed.append(assignment)
        if assignment.alone:  # what came beside it would wait until it has left
            break
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
    return can_propose(desk, sweep) and num_in_flight(desk, sweep) < num_places


def _next_of_any(desk: Desk, room: Room, *, answer_number: int) -> Assignment | None:
    for sweep in _in_turn(desk, room):
        if not room.fits(sweep):
            continue
        ahead = room.is_ahead(sweep)
        if ahead and is_full(desk, sweep):
            room.close(sweep)  # its turn: what another sweep had ahead would take its next place
            continue
        num_reserved = room.num_reserved(sweep)
        while (trial := _next_trial(desk, sweep, room=room, num_reserved=num_reserved)) is not None:
            assignment = _assign(desk, trial, worker=room.worker, answer_number=answer_number)
            if assignment is not None:
                room.take(sweep)
                return assignment
        if ahead and num_in_flight(desk, sweep) + num_reserved >= parallel(desk, sweep):
            room.close(sweep)  # its turn, and it may not have more in flight
    return None


def _in_turn(desk: Desk, room: Room) -> list[Sweep]:
    """The sweeps that may be handed out, first the one with the least worker-seconds had and promised.

    Where that says nothing yet, the one that has less in hand: two long trials must not both be of the same sweep. Who
    has its part of the worker's slots comes after those who have not: a child trains sweeps alike, however many rows
    they have, and few rows are dear.
    """
    active = [sweep for sweep in desk.sweeps.values() if sweep.state in HANDS_OUT or _finishes(desk, sweep)]
    if len(active) < 2:
        return active
    num_stacked = sum(is_stacked(desk, sweep) for sweep in active)
    ranks = {
        sweep.id: (room.is_crowded(sweep, num_sweeps=num_stacked), _share(desk, sweep.id), len(desk.held(sweep.id)))
        for sweep in active
    }
    return sorted(active, key=lambda sweep: (ranks[sweep.id], sweep.position))


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


def _is_in_live_hands(desk: Desk, key: TrialKey) -> bool:
    attempt = desk.attempt_of(key)
    return attempt is not None and attempt.worker_id not in desk.attendance().silent


def _next_trial(desk: Desk, sweep: Sweep, *, room: Room, num_reserved: int) -> Trial | None:
    """What this worker gets of the sweep; `num_reserved` places in flight are kept for others."""
    num_places = parallel(desk, sweep) - num_reserved
    if seconds_left(desk, sweep) <= 0 or num_in_live_hands(desk, sweep.id) >= num_places:
        return None
    waiting = [one for one in unheld(desk, sweep.id) if sweep.state in HANDS_OUT or begun(one)]
    if untried := [one for one in waiting if not (_waits(desk, one, room) or _better_elsewhere(desk, one, room))]:
        return _fitting(desk, untried, worker=room.worker)
    if sweep.state is SweepState.STOPPING:
        return None
    while (promoted := desk.searches[sweep.id].promote()) is not None:
        trial = desk.change_trial((sweep.id, promoted), state=TrialState.WAITING)
        if desk.attempt_of((sweep.id, promoted)) is None:  # else its checkpoint is still to come
            return trial
    while can_propose(desk, sweep) and num_in_flight(desk, sweep) < num_places:
        asked = ask(desk, sweep)
        if asked is None or not _waits(desk, asked, room):
            return asked
    return None


def _fitting(desk: Desk, waiting: list[Trial], *, worker: Worker) -> Trial:
    """The first that fits a stack of this worker; the first of all where it was passed over for that before."""
    first = waiting[0]
    if len(waiting) == 1 or first.key in desk.passed_over:
        return first
    groups = desk.groups[first.sweep_id]
    held = [desk.open_trial(one.key) for one in desk.of_worker(worker.id) if one.sweep_id == first.sweep_id]
    here = {groups.id_of(one) for one in held if one is not None}
    fitting = next((one for one in waiting if groups.id_of(one) in here), first)
    if fitting is not first:
        desk.passed_over.add(first.key)
    return fitting


def _waits(desk: Desk, trial: Trial, room: Room) -> bool:
    """Whether the worker had better not get it before its group has an engine; who has nothing to do gets anything."""
    return desk.groups[trial.sweep_id].awaits_probe(trial, now=desk.now) and not room.is_empty


def _better_elsewhere(desk: Desk, trial: Trial, room: Room) -> bool:
    """It died here before, and there is a worker on which it did not."""
    tried = desk.tried.get(trial.key, ())
    if room.worker.id not in tried:
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
    if trial.engine is None:
        trial = _stamped(desk, trial)
    return _assignment(desk, trial, attempt_id=attempt.id, worker=worker)


def _stamped(desk: Desk, trial: Trial) -> Trial:
    """The trial with the engine that trains it, in all its attempts."""
    groups = desk.groups[trial.sweep_id]
    groups.note_handed(trial)
    return desk.change_trial(trial.key, engine=groups.engine_of(trial))


def level_with_others(desk: Desk, sweep_id: str) -> None:
    """Whoever comes (back) later does not get the time that the others had before: it starts level with the least."""
    others = [desk.service[one.id].worker_seconds for one in desk.sweeps.values() if one.state is SweepState.RUNNING]
    mine = desk.service[sweep_id]
    mine.worker_seconds = max(mine.worker_seconds, min(others, default=0.0))


def _start(desk: Desk, sweep: Sweep) -> Sweep:
    level_with_others(desk, sweep.id)
    return change_sweep_state(desk, sweep.id, state=SweepState.RUNNING, reason=None)


def _assignment(desk: Desk, trial: Trial, *, attempt_id: int, worker: Worker) -> Assignment:
    sweep = desk.sweeps[trial.sweep_id]
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
        engine="fused" if trial.engine == "fused" else "serial",
        width=desk.groups[sweep.id].width_of(trial, slots=worker.slots),
        precision=spec.precision,
        alone=trial.key in desk.suspects,
        limits=spec.limits.of_child(),
    )
